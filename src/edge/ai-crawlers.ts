/**
 * Programs that collect sites for artificial intelligence, by the product tokens (RFC 9110 §10.1.5, RFC 9309 §2.2.1) that their operators
 * publish. Checked 2026-11-22 against the operators' pages and the list that the ai.robots.txt project keeps. Left out on purpose: what
 * fetches a page because a person just asked for it (ChatGPT-User, Claude-User, Perplexity-User), link previews, tools that anybody runs
 * under their default name (Scrapy), and search engines whose crawler serves both (Googlebot, bingbot, Applebot, Amazonbot). A token is
 * compared whole: "MyGPTBotFan" is nobody on this list.
 */

export type AiCrawler = {
  readonly token: string;
  readonly operator: string;
  /** false: only a name for robots.txt; the requests come under another. */
  readonly inUserAgent: boolean;
};

const crawler = (token: string, operator: string): AiCrawler => ({ token, operator, inUserAgent: true });

export const AI_CRAWLERS: readonly AiCrawler[] = [
  crawler("AI2Bot", "Allen Institute for AI"),
  crawler("Ai2Bot-Dolma", "Allen Institute for AI"),
  crawler("anthropic-ai", "Anthropic"),
  crawler("Claude-SearchBot", "Anthropic"),
  crawler("Claude-Web", "Anthropic"),
  crawler("ClaudeBot", "Anthropic"),
  { token: "Applebot-Extended", operator: "Apple", inUserAgent: false },
  crawler("Bytespider", "ByteDance"),
  crawler("TikTokSpider", "ByteDance"),
  crawler("CCBot", "Common Crawl"),
  crawler("cohere-ai", "Cohere"),
  crawler("cohere-training-data-crawler", "Cohere"),
  crawler("DeepSeekBot", "DeepSeek"),
  crawler("Diffbot", "Diffbot"),
  { token: "Google-Extended", operator: "Google", inUserAgent: false },
  crawler("Google-CloudVertexBot", "Google"),
  crawler("ChatGLM-Spider", "Zhipu AI"),
  crawler("PanguBot", "Huawei"),
  crawler("ImagesiftBot", "Hive"),
  crawler("img2dataset", "LAION"),
  crawler("LAIONDownloader", "LAION"),
  crawler("laion-huggingface-processor", "LAION"),
  crawler("meta-externalagent", "Meta"),
  crawler("meta-webindexer", "Meta"),
  crawler("FacebookBot", "Meta"),
  crawler("GPTBot", "OpenAI"),
  crawler("OAI-SearchBot", "OpenAI"),
  crawler("PerplexityBot", "Perplexity"),
  crawler("PhindBot", "Phind"),
  crawler("SBIntuitionsBot", "SB Intuitions"),
  crawler("Timpibot", "Timpi"),
  crawler("VelenPublicWebCrawler", "Velen"),
  crawler("omgilibot", "Webz.io"),
  crawler("Webzio-Extended", "Webz.io"),
  crawler("YouBot", "You.com"),
];

const USER_AGENT_CHARS_MAX = 1024;
/** What parts products and comments in a User-Agent. */
const PARTING = " ;(),\t";

const tokens: Record<string, true | undefined> = {};
for (const { token, inUserAgent } of AI_CRAWLERS) if (inUserAgent) tokens[token.toLowerCase()] = true;

/** Whether a User-Agent names one of them, as a product or inside a comment ("compatible; GPTBot/1.3; +https://…"). */
export function isAiCrawler(userAgent: string): boolean {
  const end = Math.min(userAgent.length, USER_AGENT_CHARS_MAX);
  let start = 0;
  for (let i = 0; i <= end; i++) {
    if (i < end && !PARTING.includes(userAgent.charAt(i))) continue;
    if (i > start && isToken(userAgent.substring(start, i))) return true;
    start = i + 1;
  }
  return false;
}

/** "GPTBot/1.3" or "GPTBot"; an address like "+https://openai.com/gptbot" is neither. */
function isToken(part: string): boolean {
  const slash = part.indexOf("/");
  return tokens[(slash < 0 ? part : part.substring(0, slash)).toLowerCase()] === true;
}

/** Groups for robots.txt (RFC 9309 §2.2): whoever finds its name here reads no other group. */
export function aiRobotsGroup(): string {
  const lines: string[] = ["# Programs that collect for artificial intelligence are asked to stay away."];
  for (const { token } of AI_CRAWLERS) lines.push("User-agent: " + token);
  lines.push("Disallow: /");
  return lines.join("\n") + "\n";
}
