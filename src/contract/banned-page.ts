/**
 * What a client reads that is kept out: one page in both languages of the edge, small and the same for everybody, so that nginx can send it from its
 * configuration at the price of the bytes. The first few in each second also get a number and a line in the log.
 */
export const BANNED_PAGE =
  "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width,initial-scale=1'>" +
  "<meta name=robots content=noindex><title>Kept out for a while · Mis à l’écart pour un temps</title>" +
  "<style>:root{color-scheme:light dark}body{font:1.0625rem/1.6 system-ui,sans-serif;max-width:40rem;margin:0 auto;padding:2rem 1.25rem}h1,h2{font-size:1.5rem;line-height:1.25}</style>" +
  "<main><h1>Kept out for a while</h1><p>Requests from your address looked like an attack, so it is kept out for a time. " +
  "Others who share your address may have caused it. Wait and try again later.</p>" +
  "<div lang=fr><h2>Mis à l’écart pour un temps</h2><p>Les requêtes venues de votre adresse ressemblaient à une attaque ; elle est mise à l’écart pour un temps. " +
  "D’autres personnes à la même adresse ont pu en être la cause. Attendez et réessayez plus tard.</p></div>" +
  "<p><small>client.banned</small></p></main></html>";

/** How many refusals of banned clients a worker writes to the access log in a second; the rest are counted. */
export const BANNED_LOGGED_PER_SECOND = 10;
