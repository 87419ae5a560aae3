/**
 * What a site looks like, so that a withdrawn one is recognised when it returns under another name. A match holds an
 * onboarding for a human; it never refuses by itself. Each point of the score comes with its reason in words.
 */
import { createHash } from "node:crypto";
import type { DefaultTreeAdapterTypes } from "parse5";
import { parseHtml } from "../contract/html-tree.ts";
import { hamming, shingles, simhash, words } from "./simhash.ts";

export type Look = {
  readonly title: string;
  /** SimHash of the page's words, three at a time. */
  readonly text: string;
  /** SimHash of the element tree, four tags at a time. */
  readonly skeleton: string;
  /** SHA-256 of /favicon.ico, null when there is none. */
  readonly favicon: string | null;
  /** Ids of analytics, advertising and captcha accounts found in the page. */
  readonly accounts: readonly string[];
  readonly address: string;
  readonly port: number;
  /** How many words the text hash stands on: few words prove little. */
  readonly words: number;
};

export type LookMatch = { readonly score: number; readonly because: readonly string[] };

/** From this score on a human looks first. */
export const LOOK_SCORE_HELD = 0.6;

const WORDS_ENOUGH = 20;
const ACCOUNTS_MAX = 20;
const ACCOUNT_ID =
  /\b(?:G-[A-Z0-9]{8,12}|UA-\d{4,10}-\d{1,3}|GTM-[A-Z0-9]{6,8}|ca-pub-\d{10,20}|6L[0-9A-Za-z_-]{38})\b/g;
const SILENT = new Set(["script", "style", "noscript", "template"]);

export function takeLook(input: {
  readonly html: Uint8Array;
  readonly favicon: Uint8Array | null;
  readonly address: string;
  readonly port: number;
}): Look {
  const source = new TextDecoder().decode(input.html);
  const tags: string[] = [];
  const texts: string[] = [];
  let title = "";
  walk(parseHtml(source), (node, silent) => {
    if ("tagName" in node) {
      tags.push(node.tagName);
      if (node.tagName === "title" && title === "") title = textOf(node);
    } else if (node.nodeName === "#text" && !silent)
      texts.push((node as DefaultTreeAdapterTypes.TextNode).value);
  });
  const tokens = words(texts.join(" "));
  return {
    title: words(title).join(" ").slice(0, 200),
    text: simhash(shingles(tokens, 3)),
    skeleton: simhash(shingles(tags, 4)),
    favicon:
      input.favicon && input.favicon.length > 0
        ? createHash("sha256").update(input.favicon).digest("hex")
        : null,
    accounts: [...new Set(source.match(ACCOUNT_ID) ?? [])].sort().slice(0, ACCOUNTS_MAX),
    address: input.address,
    port: input.port,
    words: tokens.length,
  };
}

export function compareLooks(a: Look, b: Look): LookMatch {
  const because: string[] = [];
  let score = 0;
  const point = (weight: number, why: string): void => {
    score += weight;
    because.push(why);
  };
  const textBits = hamming(a.text, b.text);
  if (a.words >= WORDS_ENOUGH && b.words >= WORDS_ENOUGH && textBits <= 10) {
    point(0.4, `The page's words are nearly the same (${textBits} of 64 bits differ)`);
  }
  const treeBits = hamming(a.skeleton, b.skeleton);
  if (a.words >= WORDS_ENOUGH && treeBits <= 8)
    point(0.2, `The page is built the same way (${treeBits} of 64 bits differ)`);
  if (a.title !== "" && a.title === b.title) point(0.2, `The title is the same: "${a.title.slice(0, 80)}"`);
  if (a.favicon !== null && a.favicon === b.favicon) point(0.3, "The icon is the same file");
  const shared = a.accounts.filter((id) => b.accounts.includes(id));
  if (shared.length > 0)
    point(0.5, `The page carries the same account ids: ${shared.slice(0, 3).join(", ")}`);
  if (a.address === b.address && a.port === b.port) point(0.4, "The origin server is the same");
  return { score: Math.round(score * 100) / 100, because };
}

type AnyNode = DefaultTreeAdapterTypes.Node;

/** Depth-first, without recursion: a page may nest as deep as its bytes allow. */
function walk(root: AnyNode, visit: (node: AnyNode, silent: boolean) => void): void {
  const stack: { node: AnyNode; silent: boolean }[] = [{ node: root, silent: false }];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    visit(next.node, next.silent);
    if (!("childNodes" in next.node)) continue;
    const silent = next.silent || SILENT.has(next.node.nodeName);
    for (const child of [...next.node.childNodes].reverse()) stack.push({ node: child, silent });
  }
}

function textOf(node: AnyNode): string {
  const parts: string[] = [];
  walk(node, (inner) => {
    if (inner.nodeName === "#text") parts.push((inner as DefaultTreeAdapterTypes.TextNode).value);
  });
  return parts.join(" ");
}
