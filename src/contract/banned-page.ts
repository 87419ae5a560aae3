/**
 * What a client reads that is kept out: one page in both languages of the edge, small and almost the same for everybody, so that nginx can send it from its
 * configuration at the price of the bytes. It names the client's address, by which a ban is found: few people know their own, and the requests of the banned are
 * mostly not logged. The first few in each second also get a number and a line in the log.
 */

/** Text of an nginx string: `$remote_addr` and the request's number are put in by nginx. "" where the request has no number. */
export function bannedPage(requestVariable: string): string {
  const number = requestVariable === "" ? "" : `<br>Request · Requête : <code>${requestVariable}</code>`;
  return (
    "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width,initial-scale=1'>" +
    "<meta name=robots content=noindex><title>Kept out for a while · Mis à l’écart pour un temps</title>" +
    "<style>:root{color-scheme:light dark}body{font:1.0625rem/1.6 system-ui,sans-serif;max-width:40rem;margin:0 auto;padding:2rem 1.25rem}h1,h2{font-size:1.5rem;line-height:1.25}</style>" +
    "<main><h1>Kept out for a while</h1><p>Your address, or the network it belongs to, is kept out of this site for a time, as requests from there looked like an attack. " +
    "Others who share it may have caused that. Wait and try again later. If it stays, write to the site's owner and give the address below.</p>" +
    "<div lang=fr><h2>Mis à l’écart pour un temps</h2><p>Votre adresse, ou le réseau dont elle fait partie, est mise à l’écart de ce site pour un temps : des requêtes venues de là ressemblaient à une attaque. " +
    "D’autres personnes qui la partagent ont pu en être la cause. Attendez et réessayez plus tard. Si cela dure, écrivez au propriétaire du site en donnant l’adresse ci-dessous.</p></div>" +
    `<p><small>Address · Adresse : <code>$remote_addr</code><br>Reason · Motif : <code>client.banned</code>${number}</small></p></main></html>`
  );
}

/** How many refusals of banned clients a worker writes to the access log in a second; the rest are counted. */
export const BANNED_LOGGED_PER_SECOND = 10;
