/**
 * The text of a captured page as lines, one a block element, numbered from 1: what evidence pointers point at. Scripts, styles and
 * what only machines read are left out. Bounded in lines and characters.
 */
import type { DefaultTreeAdapterTypes } from "parse5";
import { parseHtml } from "../contract/html-tree.ts";

export const LINES_MAX = 5000;
const LINE_CHARS_MAX = 2000;
const DEPTH_MAX = 400;

const SILENT = new Set([
  "script",
  "style",
  "template",
  "noscript",
  "svg",
  "math",
  "iframe",
  "object",
  "head",
]);
const BLOCKS = new Set(
  "address article aside blockquote body br dd details div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr li main nav ol option p pre section summary table td th tr ul".split(
    " ",
  ),
);

type Node = DefaultTreeAdapterTypes.ChildNode | DefaultTreeAdapterTypes.Document;

/** `contentType` decides: HTML is parsed, other text is split at line ends, anything else has no lines. */
export function pageLines(body: Uint8Array, contentType: string): string[] {
  const type = (contentType.split(";")[0] ?? "").trim().toLowerCase();
  const charset = /charset\s*=\s*"?([\w-]+)/i.exec(contentType)?.[1] ?? "utf-8";
  const html = type === "" || type === "text/html" || type === "application/xhtml+xml";
  if (!html && !type.startsWith("text/") && type !== "application/json") return [];
  const text = decode(body, charset);
  return html ? htmlLines(text) : tidy(text.split(/\r?\n/));
}

function decode(body: Uint8Array, charset: string): string {
  try {
    return new TextDecoder(charset).decode(body);
  } catch {
    return new TextDecoder().decode(body);
  }
}

function htmlLines(text: string): string[] {
  const lines: string[] = [];
  let line = "";
  let chars = 0;
  const breakLine = (): void => {
    if (line.trim() !== "") lines.push(line);
    line = "";
  };
  // An own stack: a page of ten thousand nested elements must not exhaust ours.
  const stack: { node: Node; after: boolean; depth: number }[] = [
    { node: parseHtml(text), after: false, depth: 0 },
  ];
  for (let top = stack.pop(); top !== undefined && lines.length < LINES_MAX; top = stack.pop()) {
    const { node, after, depth } = top;
    const block = BLOCKS.has(node.nodeName);
    if (block) breakLine();
    if (after) continue;
    if (node.nodeName === "#text" && "value" in node && chars < LINE_CHARS_MAX * LINES_MAX) {
      line += node.value;
      chars += node.value.length;
    }
    if (!("childNodes" in node) || SILENT.has(node.nodeName) || depth > DEPTH_MAX) continue;
    if (block) stack.push({ node, after: true, depth });
    for (let i = node.childNodes.length - 1; i >= 0; i--) {
      const child = node.childNodes[i];
      if (child !== undefined) stack.push({ node: child, after: false, depth: depth + 1 });
    }
  }
  breakLine();
  return tidy(lines);
}

function tidy(lines: readonly string[]): string[] {
  return lines
    .map((line) => line.replace(/\s+/g, " ").replaceAll("\u0000", "").trim().slice(0, LINE_CHARS_MAX))
    .filter((line) => line !== "")
    .slice(0, LINES_MAX);
}
