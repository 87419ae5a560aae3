/** What owners and the operator are told when something happens to a name. Nothing here says who another account is (design law 10). */

export type HostnameEvent =
  | "lapsing"
  | "found-again"
  | "released"
  | "contested"
  | "taken"
  | "vouched-contested"
  | "exact-below-wildcard";

type Words = { readonly subject: string; readonly text: string; readonly alarm: string | null };

export function hostnameMail(
  event: HostnameEvent,
  about: { readonly hostname: string; readonly publicUrl: string },
): Words {
  const { hostname, publicUrl } = about;
  const see = `What to do stands under Hostnames of your site: ${publicUrl}/console`;
  const words: Readonly<Record<HostnameEvent, Words>> = {
    lapsing: {
      subject: `The proof that ${hostname} is yours is gone`,
      text: `We looked for the record or the file that proves that ${hostname} is yours, and it is not there any more. The name is served for seven more days. Put the proof back before then, and nothing changes.\n\n${see}\n`,
      alarm: `The proof for "${hostname}" was not found: its owners were told, and it is served for seven more days`,
    },
    "found-again": {
      subject: `The proof for ${hostname} is there again`,
      text: `The proof that ${hostname} is yours was found again. You have nothing to do.\n`,
      alarm: null,
    },
    released: {
      subject: `${hostname} is no longer served`,
      text: `The proof that ${hostname} is yours has been missing for seven days, so this edge has let go of the name: visitors that its DNS sends here get an error. The name and its settings are still in your site. Put the proof back, and it is served again.\n\n${see}\n`,
      alarm: `"${hostname}" was let go of as its proof was missing for seven days`,
    },
    contested: {
      subject: `Somebody else shows that ${hostname} is theirs`,
      text: `Another account has set a record in the DNS that proves ${hostname}, and you have none there. If nothing changes, the name goes over to them in a day. If it is yours, set your TXT record now, and remove the one that is not yours.\n\n${see}\n`,
      alarm: `"${hostname}" is contested: another account shows a DNS proof, and the holder has none`,
    },
    taken: {
      subject: `${hostname} has gone over to another account`,
      text: `Another account has proven by a record in the DNS that ${hostname} is theirs, and yours was not found. This edge no longer serves the name from your site. If it is yours, ask whoever manages its DNS.\n\n${see}\n`,
      alarm: `"${hostname}" has gone over to another account that proved it by DNS`,
    },
    "vouched-contested": {
      subject: `Somebody else shows that ${hostname} is theirs`,
      text: `The operator has vouched that ${hostname} is yours, so nothing changes by itself. Another account has set a record in the DNS that proves the name, however, and the operator was told. Set your own TXT record to end the doubt.\n\n${see}\n`,
      alarm: `Another account shows a DNS proof for "${hostname}", for which you have vouched: find out whose it is, and run "parapet unprotect" if it has gone over`,
    },
    "exact-below-wildcard": {
      subject: `${hostname}, below a wildcard of yours, is now served for another account`,
      text: `Your wildcard covers ${hostname}. Another account has proven that very name by a record of its own in the DNS, and an exact name comes before a wildcard. If that is not what you want, remove their TXT record at _parapet.${hostname}.\n\n${see}\n`,
      alarm: null,
    },
  };
  return words[event];
}
