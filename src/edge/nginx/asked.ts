/**
 * What the visitor asked for: which language, and a page or JSON. Reading the fields costs more than all the rest of an answer, and browsers of one
 * kind send the same text, so each worker remembers what it read. Memory is bounded: long fields are read each time, and a full
 * memory begins anew, since what stands in it is the client's to choose.
 */
import { chooseLanguage, prefersJson, type Language } from "../negotiate.ts";

const REMEMBERED_MAX = 1000;
const REMEMBERED_BYTES_MAX = 200;

let languages: Record<string, Language | undefined> = {};
let languagesCount = 0;
let jsons: Record<string, boolean | undefined> = {};
let jsonsCount = 0;

export function askedLanguage(): Language {
  const field = ngx.var["http_accept_language"] ?? "";
  const known = languages[field];
  if (known !== undefined) return known;
  const read = chooseLanguage(field);
  if (field.length > REMEMBERED_BYTES_MAX) return read;
  if (languagesCount >= REMEMBERED_MAX) {
    languages = {};
    languagesCount = 0;
  }
  languages[field] = read;
  languagesCount += 1;
  return read;
}

export function asksForJson(): boolean {
  const field = ngx.var["http_accept"] ?? "";
  const known = jsons[field];
  if (known !== undefined) return known;
  const read = prefersJson(field);
  if (field.length > REMEMBERED_BYTES_MAX) return read;
  if (jsonsCount >= REMEMBERED_MAX) {
    jsons = {};
    jsonsCount = 0;
  }
  jsons[field] = read;
  jsonsCount += 1;
  return read;
}
