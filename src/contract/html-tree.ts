/**
 * The tree of a stranger's HTML page, as browsers build it (WHATWG HTML, by parse5), within bounds. The standard's own rules let a page of 50 KB ask for millions
 * of elements (unclosed formatting elements come again in each paragraph), or for a look through a deep stack with each end tag. Where a page asks for more than
 * ELEMENTS_MAX or DEPTH_MAX it is read as a flat run of tags and text instead, which costs what its length costs: nothing that it says is lost.
 */
import {
  defaultTreeAdapter,
  html,
  parse,
  Tokenizer,
  TokenizerMode,
  type DefaultTreeAdapterTypes,
} from "parse5";

export const ELEMENTS_MAX = 30_000;
export const DEPTH_MAX = 512;

type Element = DefaultTreeAdapterTypes.Element;
export type HtmlDocument = DefaultTreeAdapterTypes.Document;

class BeyondBounds extends Error {}

export function parseHtml(text: string): HtmlDocument {
  let elements = 0;
  let depth = 0;
  const bounded: typeof defaultTreeAdapter = {
    ...defaultTreeAdapter,
    createElement(...of) {
      elements += 1;
      if (elements > ELEMENTS_MAX) throw new BeyondBounds();
      return defaultTreeAdapter.createElement(...of);
    },
    onItemPush() {
      depth += 1;
      if (depth > DEPTH_MAX) throw new BeyondBounds();
    },
    onItemPop() {
      depth -= 1;
    },
  };
  try {
    return parse(text, { treeAdapter: bounded });
  } catch (error) {
    if (error instanceof BeyondBounds) return flatTree(text);
    throw error;
  }
}

/** Elements whose text is no page's text, or ends only with their own end tag. */
const TEXT_MODES: Readonly<Record<string, (typeof TokenizerMode)["RAWTEXT" | "RCDATA" | "SCRIPT_DATA"]>> = {
  script: TokenizerMode.SCRIPT_DATA,
  style: TokenizerMode.RAWTEXT,
  iframe: TokenizerMode.RAWTEXT,
  title: TokenizerMode.RCDATA,
  textarea: TokenizerMode.RCDATA,
};

/** All elements side by side in a body, each text behind the tag that it follows. */
function flatTree(text: string): HtmlDocument {
  const document = defaultTreeAdapter.createDocument();
  const body = defaultTreeAdapter.createElement(html.TAG_NAMES.BODY, html.NS.HTML, []);
  defaultTreeAdapter.appendChild(document, body);
  let elements = 0;
  let within: Element = body;
  const write = ({ chars }: { readonly chars: string }): void => defaultTreeAdapter.insertText(within, chars);
  const tokenizer = new Tokenizer(
    {},
    {
      onStartTag({ tagName }) {
        within = body;
        elements += 1;
        if (elements > ELEMENTS_MAX) return;
        const element = defaultTreeAdapter.createElement(tagName, html.NS.HTML, []);
        defaultTreeAdapter.appendChild(body, element);
        const mode = TEXT_MODES[tagName];
        if (mode === undefined) return;
        tokenizer.state = mode;
        tokenizer.lastStartTagName = tagName;
        within = element;
      },
      onEndTag() {
        within = body;
      },
      onCharacter: write,
      onWhitespaceCharacter: write,
      onNullCharacter: () => undefined,
      onComment: () => undefined,
      onDoctype: () => undefined,
      onEof: () => undefined,
    },
  );
  tokenizer.write(text, true);
  return document;
}
