/** Text into HTML. Everything that did not come from this house's own source goes through here. */

/** Safe inside elements and inside quoted attributes. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

/** Text as a JSON string, quotes included (RFC 8259 §7). */
export function jsonString(text: string): string {
  const out: string[] = ['"'];
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    const code = text.charCodeAt(i);
    if (char === '"' || char === "\\") out.push("\\" + char);
    else if (char === "\n") out.push("\\n");
    else if (code < 0x20) out.push("\\u00" + (code < 16 ? "0" : "1") + "0123456789abcdef".charAt(code % 16));
    else out.push(char);
  }
  out.push('"');
  return out.join("");
}
