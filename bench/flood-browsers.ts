/**
 * What browsers send over HTTP/1.1, field by field in their own order, as recorded from Chrome, Edge, Firefox, Safari and Samsung Internet on the systems that people
 * have. A page, a file of a page and a sent form differ, as they do in life. Shares are rough ones of people in Europe.
 */
import { byShare, oneOf, type Random } from "./flood-random.ts";

export type Browser = {
  readonly name: string;
  readonly share: number;
  readonly family: "chromium" | "firefox" | "safari";
  readonly agents: readonly string[];
  /** For the client hints of Chromium: brand list, whether mobile, platform. */
  readonly hints?: { readonly brand: string; readonly mobile: "?0" | "?1"; readonly platform: string };
};

const chrome = (version: number, system: string, more = ""): string =>
  `Mozilla/5.0 (${system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${version}.0.0.0 ${more}Safari/537.36`;
const WINDOWS = "Windows NT 10.0; Win64; x64";
const ANDROID = "Linux; Android 10; K";

export const BROWSERS: readonly Browser[] = [
  {
    name: "Chrome on Windows",
    share: 34,
    family: "chromium",
    agents: [chrome(142, WINDOWS), chrome(141, WINDOWS), chrome(140, WINDOWS)],
    hints: { brand: "Google Chrome", mobile: "?0", platform: "Windows" },
  },
  {
    name: "Chrome on Android",
    share: 22,
    family: "chromium",
    agents: [chrome(142, ANDROID, "Mobile "), chrome(141, ANDROID, "Mobile ")],
    hints: { brand: "Google Chrome", mobile: "?1", platform: "Android" },
  },
  {
    name: "Safari on iPhone",
    share: 18,
    family: "safari",
    agents: ["18_6", "18_5", "17_7"].map(
      (version) =>
        `Mozilla/5.0 (iPhone; CPU iPhone OS ${version} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/${version.replace("_", ".")} Mobile/15E148 Safari/604.1`,
    ),
  },
  {
    name: "Firefox",
    share: 10,
    family: "firefox",
    agents: [
      "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
      "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
      "Mozilla/5.0 (Android 15; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0",
    ],
  },
  {
    name: "Safari on Mac",
    share: 7,
    family: "safari",
    agents: ["18.6", "17.6"].map(
      (version) =>
        `Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/${version} Safari/605.1.15`,
    ),
  },
  {
    name: "Edge",
    share: 6,
    family: "chromium",
    agents: [`${chrome(142, WINDOWS)} Edg/142.0.0.0`],
    hints: { brand: "Microsoft Edge", mobile: "?0", platform: "Windows" },
  },
  {
    name: "Samsung Internet",
    share: 3,
    family: "chromium",
    agents: [chrome(136, ANDROID, "Mobile ").replace("Chrome/", "SamsungBrowser/29.0 Chrome/")],
    hints: { brand: "Samsung Internet", mobile: "?1", platform: "Android" },
  },
];

const LANGUAGES = [
  { share: 40, chromium: "en-US,en;q=0.9", firefox: "en-US,en;q=0.5", safari: "en-US,en;q=0.9" },
  {
    share: 20,
    chromium: "de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7",
    firefox: "de,en-US;q=0.7,en;q=0.3",
    safari: "de-DE,de;q=0.9",
  },
  {
    share: 16,
    chromium: "fr-FR,fr;q=0.9,en-US;q=0.8,en;q=0.7",
    firefox: "fr,fr-FR;q=0.8,en-US;q=0.5,en;q=0.3",
    safari: "fr-FR,fr;q=0.9",
  },
  { share: 14, chromium: "en-GB,en;q=0.9", firefox: "en-GB,en;q=0.5", safari: "en-GB,en;q=0.9" },
  {
    share: 10,
    chromium: "es-ES,es;q=0.9",
    firefox: "es-ES,es;q=0.8,en-US;q=0.5,en;q=0.3",
    safari: "es-ES,es;q=0.9",
  },
] as const;

export type Voice = { readonly browser: Browser; readonly agent: string; readonly language: string };

export function someVoice(random: Random): Voice {
  const browser = byShare(random, BROWSERS);
  return {
    browser,
    agent: oneOf(random, browser.agents),
    language: byShare(random, LANGUAGES)[browser.family],
  };
}

/** The one that most people have, which a flood would imitate. */
export function commonVoice(): Voice {
  const [browser] = BROWSERS;
  const agent = browser?.agents[0];
  if (browser === undefined || agent === undefined) throw new Error("There is no browser.");
  return { browser, agent, language: LANGUAGES[0][browser.family] };
}

export type Wish = {
  readonly host: string;
  readonly target: string;
  readonly kind: "page" | "style" | "script" | "image" | "font" | "form" | "fetch";
  /** The page where the link was, "" for none. */
  readonly referrer: string;
  readonly cookie: string;
  readonly etag: string;
  /** Of a form, url-encoded; of a script's request, whatever it sends. */
  readonly body?: string;
  readonly bodyType?: string;
  /** What a script asks for, instead of what the browser would. */
  readonly accept?: string;
};

type Field = readonly [name: string, value: string];

/** The bytes that this browser sends for this wish, with its body. */
export function requestOf(voice: Voice, wish: Wish): string {
  const posts = wish.body !== undefined;
  const fields = FAMILIES[voice.browser.family](voice, wish).filter(([, value]) => value !== "");
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return `${posts ? "POST" : "GET"} ${wish.target} HTTP/1.1\r\n${lines}\r\n${wish.body ?? ""}`;
}

const FAMILIES = { chromium: ofChromium, firefox: ofFirefox, safari: ofSafari } as const;

const isNavigation = ({ kind }: Wish): boolean => kind === "page" || kind === "form";
const DESTINATIONS = {
  page: "document",
  form: "document",
  style: "style",
  script: "script",
  image: "image",
  font: "font",
  fetch: "empty",
} as const;
const originOf = (wish: Wish): string => `http://${wish.host}`;

function site(wish: Wish): string {
  if (wish.referrer === "") return "none";
  return wish.referrer.startsWith(originOf(wish)) ? "same-origin" : "cross-site";
}
const modeOf = (wish: Wish): string =>
  isNavigation(wish) ? "navigate" : wish.kind === "font" || wish.kind === "fetch" ? "cors" : "no-cors";

const CHROMIUM_ACCEPT: Readonly<Record<Wish["kind"], string>> = {
  page: "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
  form: "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
  style: "text/css,*/*;q=0.1",
  image: "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",
  script: "*/*",
  font: "*/*",
  fetch: "*/*",
};

function ofChromium(voice: Voice, wish: Wish): Field[] {
  const { hints } = voice.browser;
  const version = /Chrome\/(\d+)/.exec(voice.agent)?.[1] ?? "142";
  const brands: Field = [
    "sec-ch-ua",
    `"Chromium";v="${version}", "${hints?.brand}";v="${version}", "Not_A Brand";v="99"`,
  ];
  const mobile: Field = ["sec-ch-ua-mobile", hints?.mobile ?? ""];
  const platform: Field = ["sec-ch-ua-platform", `"${hints?.platform}"`];
  const body = bodyFields(wish);
  const tail: Field[] = [
    ["Referer", wish.referrer],
    ["Accept-Encoding", "gzip, deflate, br, zstd"],
    ["Accept-Language", voice.language],
    ["Cookie", wish.cookie],
    ["If-None-Match", wish.etag],
  ];
  if (isNavigation(wish)) {
    return [
      ["Host", wish.host],
      ["Connection", "keep-alive"],
      ...body.length,
      ["Cache-Control", wish.kind === "form" ? "max-age=0" : ""],
      brands,
      mobile,
      platform,
      ...body.origin,
      ...body.type,
      ["Upgrade-Insecure-Requests", "1"],
      ["User-Agent", voice.agent],
      ["Accept", wish.accept ?? CHROMIUM_ACCEPT[wish.kind]],
      ["Sec-Fetch-Site", site(wish)],
      ["Sec-Fetch-Mode", "navigate"],
      ["Sec-Fetch-User", "?1"],
      ["Sec-Fetch-Dest", "document"],
      ...tail,
    ];
  }
  return [
    ["Host", wish.host],
    ["Connection", "keep-alive"],
    ...body.length,
    platform,
    ["User-Agent", voice.agent],
    brands,
    ...body.type,
    mobile,
    ["Accept", wish.accept ?? CHROMIUM_ACCEPT[wish.kind]],
    ...body.origin,
    ["Sec-Fetch-Site", "same-origin"],
    ["Sec-Fetch-Mode", modeOf(wish)],
    ["Sec-Fetch-Dest", DESTINATIONS[wish.kind]],
    ...tail,
  ];
}

function ofFirefox(voice: Voice, wish: Wish): Field[] {
  const body = bodyFields(wish);
  const accept: Readonly<Record<Wish["kind"], string>> = {
    page: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    form: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    style: "text/css,*/*;q=0.1",
    image: "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5",
    script: "*/*",
    font: "application/font-woff2;q=1.0,application/font-woff;q=0.9,*/*;q=0.8",
    fetch: "*/*",
  };
  return [
    ["Host", wish.host],
    ["User-Agent", voice.agent],
    ["Accept", wish.accept ?? accept[wish.kind]],
    ["Accept-Language", voice.language],
    ["Accept-Encoding", "gzip, deflate, br, zstd"],
    ...(isNavigation(wish) ? [] : ([["Referer", wish.referrer]] as Field[])),
    ...body.type,
    ...body.length,
    ...body.origin,
    ...(isNavigation(wish) ? ([["Referer", wish.referrer]] as Field[]) : []),
    ["Connection", "keep-alive"],
    ["Cookie", wish.cookie],
    ["Upgrade-Insecure-Requests", isNavigation(wish) ? "1" : ""],
    ["Sec-Fetch-Dest", DESTINATIONS[wish.kind]],
    ["Sec-Fetch-Mode", modeOf(wish)],
    ["Sec-Fetch-Site", site(wish)],
    ["Sec-Fetch-User", isNavigation(wish) ? "?1" : ""],
    ["If-None-Match", wish.etag],
    ["Priority", isNavigation(wish) ? "u=0, i" : "u=2"],
  ];
}

function ofSafari(voice: Voice, wish: Wish): Field[] {
  const body = bodyFields(wish);
  const accept: Readonly<Record<Wish["kind"], string>> = {
    page: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    form: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    style: "text/css,*/*;q=0.1",
    image:
      "image/webp,image/avif,image/jxl,image/heic,image/heic-sequence,video/*;q=0.8,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5",
    script: "*/*",
    font: "*/*",
    fetch: "*/*",
  };
  return [
    ["Host", wish.host],
    ...body.type,
    ...body.origin,
    ["Cookie", wish.cookie],
    ["Sec-Fetch-Dest", DESTINATIONS[wish.kind]],
    ["If-None-Match", wish.etag],
    ["Connection", "keep-alive"],
    ["User-Agent", voice.agent],
    ["Accept", wish.accept ?? accept[wish.kind]],
    ["Referer", wish.referrer],
    ...body.length,
    ["Sec-Fetch-Site", site(wish)],
    ["Sec-Fetch-Mode", modeOf(wish)],
    ["Accept-Language", voice.language],
    ["Priority", isNavigation(wish) ? "u=0, i" : "u=3, i"],
    ["Accept-Encoding", "gzip, deflate"],
  ];
}

function bodyFields(wish: Wish): {
  readonly length: Field[];
  readonly origin: Field[];
  readonly type: Field[];
} {
  if (wish.body === undefined) return { length: [], origin: [], type: [] };
  return {
    length: [["Content-Length", String(Buffer.byteLength(wish.body))]],
    origin: [["Origin", originOf(wish)]],
    type: [["Content-Type", wish.bodyType ?? "application/x-www-form-urlencoded"]],
  };
}
