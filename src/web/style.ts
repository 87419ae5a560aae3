/**
 * The look of the public pages, in one style element that the content security policy names by its hash: one request for
 * a whole page, also over a slow circuit. System fonts, light and dark, from 320 pixels on. Contrast is WCAG AA or better.
 */
import { createHash } from "node:crypto";

export const STYLE = `
:root{color-scheme:light dark;--back:#faf9f7;--card:#fff;--ink:#1d2329;--soft:#535d66;--line:#d6d9dc;--edge:#7a838b;--do:#0b5c66;--do-ink:#fff;--link:#0b5c66;--warn:#8a1c1c;--warn-back:#fdf0ee;--warn-line:#d9a19b;--calm-back:#edf4f3;--calm-line:#a9c8c5}
@media (prefers-color-scheme:dark){:root{--back:#14181b;--card:#1c2226;--ink:#e8eaec;--soft:#a9b2b9;--line:#39424a;--edge:#8a949c;--do:#7cc8cf;--do-ink:#0c1c1e;--link:#8fd3d9;--warn:#ffb4a8;--warn-back:#2e1b19;--warn-line:#7a3d36;--calm-back:#172829;--calm-line:#35565a}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--back);color:var(--ink);font:17px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;overflow-wrap:break-word}
.wide{max-width:62rem}.page{max-width:42rem}
.bar,.page,.wide,footer>div{margin:0 auto;padding:0 1.15rem}
.skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:1rem;background:var(--card);padding:.5rem 1rem;z-index:2}
header{position:sticky;top:0;z-index:1;background:var(--card);border-bottom:1px solid var(--line)}
.bar{display:flex;gap:.4rem 1rem;align-items:center;max-width:62rem;min-height:3.6rem;padding-top:.45rem;padding-bottom:.45rem}
.brand{font-weight:650;text-decoration:none;color:var(--ink);margin-right:auto;line-height:1.25}
.bar a{white-space:nowrap}.bar .brand{white-space:normal}
.leave{border:2px solid var(--warn);color:var(--warn);border-radius:.5rem;padding:.4rem .8rem;text-decoration:none;font-weight:650;font-size:.95rem}
a{color:var(--link);text-underline-offset:.15em}
:focus-visible{outline:3px solid var(--link);outline-offset:2px;border-radius:.2rem}
main.page,main.wide{padding-top:1.8rem;padding-bottom:3rem}
h1{font-size:1.85rem;line-height:1.2;margin:.2rem 0 .8rem;letter-spacing:-.01em;text-wrap:balance}
h2{font-size:1.2rem;line-height:1.3;margin:2rem 0 .5rem}
p{margin:.6rem 0}.lead{font-size:1.08rem}
.soft,.hint{color:var(--soft)}.hint{font-size:.93rem;margin:.1rem 0 .45rem}
.note{border:1px solid var(--warn-line);background:var(--warn-back);border-radius:.7rem;padding:.8rem 1.05rem;margin:0 0 1.4rem}
.note strong{color:var(--warn);display:block}.note p{margin:.2rem 0 0}
.calm{border:1px solid var(--calm-line);background:var(--calm-back);border-radius:.7rem;padding:.8rem 1.05rem;margin:1rem 0}
.calm p:first-child{margin-top:0}.calm p:last-child{margin-bottom:0}
.doors{list-style:none;padding:0;margin:1.6rem 0;display:grid;gap:.9rem}
@media (min-width:46rem){.doors{grid-template-columns:repeat(3,1fr)}}
.doors a{display:block;height:100%;padding:1.1rem 1.15rem;border:1px solid var(--line);border-radius:.8rem;background:var(--card);text-decoration:none;color:var(--ink)}
.doors a:hover{border-color:var(--link)}
.doors b{display:block;font-size:1.12rem;color:var(--link);margin-bottom:.25rem}
.doors .first{background:var(--do);border-color:var(--do);color:var(--do-ink)}.doors .first b{color:var(--do-ink)}
.field{margin:1.35rem 0}
label,legend{font-weight:620}
.opt{font-weight:400;color:var(--soft);font-size:.9rem}
input,textarea,select{display:block;width:100%;font:inherit;color:var(--ink);background:var(--card);border:1px solid var(--edge);border-radius:.5rem;padding:.62rem .75rem;margin-top:.3rem;min-height:2.9rem}
textarea{min-height:8rem;resize:vertical}
textarea.short{min-height:5.5rem}
fieldset{border:1px solid var(--line);border-radius:.8rem;padding:.4rem 1.15rem 1rem;margin:1.8rem 0;background:var(--card);min-width:0}
fieldset .field{margin:.9rem 0 0}
legend{float:left;width:100%;padding:0;margin:.7rem 0 .2rem}legend+*{clear:both}
.wrong input,.wrong textarea,.wrong select{border:2px solid var(--warn)}
.error{color:var(--warn);font-weight:600;margin:.25rem 0 0}
button{font:inherit;font-weight:650;background:var(--do);color:var(--do-ink);border:0;border-radius:.6rem;padding:.75rem 1.6rem;min-height:3rem;cursor:pointer}
button:hover{filter:brightness(1.08)}
.code{font:700 clamp(2rem,9vw,2.7rem)/1.25 ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;letter-spacing:.02em;display:grid;grid-template-columns:repeat(2,max-content);gap:.1rem 1.1rem;margin:.4rem 0}@media (min-width:34rem){.code{grid-template-columns:repeat(4,max-content)}}
.box{border:2px solid var(--do);border-radius:.9rem;background:var(--card);padding:1rem 1.25rem;margin:1.2rem 0}
.box h2{margin:0}
.mono{font:.86rem/1.5 ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;overflow-wrap:anywhere}
pre{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.8rem 1rem;overflow-x:auto;white-space:pre-wrap;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:minmax(7rem,auto) 1fr;gap:.35rem 1.2rem;margin:1rem 0}
dt{color:var(--soft)}dd{margin:0;min-width:0}
@media (max-width:34rem){dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.6rem}h1{font-size:1.6rem}}
table{border-collapse:collapse;width:100%;margin:.6rem 0;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.5rem .8rem .5rem 0;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--soft);font-weight:600;font-size:.92rem}
td.n,th.n{text-align:right}
@media (max-width:46rem){.rows,.rows tbody,.rows tr,.rows td{display:block}.rows thead{position:absolute;left:-99rem}.rows tr{border-bottom:1px solid var(--line);padding:.55rem 0}.rows td{border:0;padding:.08rem 0}.rows td[data-name]::before{content:attr(data-name) ": ";color:var(--soft)}}
.messages{list-style:none;padding:0}.messages li{border:1px solid var(--line);background:var(--card);border-radius:.8rem;padding:.65rem 1rem;margin:.7rem 0}
.messages .desk{border-left:5px solid var(--do)}.messages p{white-space:pre-wrap;margin:.15rem 0}
.said{white-space:pre-wrap}
footer{border-top:1px solid var(--line);padding:1.2rem 0 2.2rem;font-size:.95rem}
footer>div{max-width:62rem;display:flex;flex-wrap:wrap;gap:.3rem 1.4rem}
@media (max-width:34rem){.bar{flex-wrap:wrap}.leave{order:3;flex-basis:100%;text-align:center}}
@media (prefers-reduced-motion:no-preference){a,button{transition:filter .12s}}
@media print{header,footer,.note,form{display:none}}
`;

export const STYLE_HASH = `sha256-${createHash("sha256").update(STYLE).digest("base64")}`;
