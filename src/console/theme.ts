/**
 * Mantine's theme, and its CSS variables as text. The variables are written into a stylesheet at build time instead of
 * into a `<style>` element at run time, so that the console needs no 'unsafe-inline' in its Content-Security-Policy.
 */
import {
  convertCssVariables,
  createTheme,
  DEFAULT_THEME,
  defaultCssVariablesResolver,
  mergeMantineTheme,
  type MantineColorsTuple,
} from "@mantine/core";

/** A deep sea green: calm beside the danger colours, and never one of them. */
const SEA: MantineColorsTuple = [
  "#eef6f6",
  "#d9eaea",
  "#b3d5d6",
  "#89bfc1",
  "#62aab0",
  "#3f939b",
  "#2b7d86",
  "#1e6670",
  "#17545d",
  "#0f3f47",
];

/** Mantine's dark greys, cooled to match the paper of `console.css`. */
const DARK: MantineColorsTuple = [
  "#dfe4e7",
  "#bcc5cb",
  "#93a0a9",
  "#6d7a84",
  "#3a444c",
  "#2b343b",
  "#20272d",
  "#161b20",
  "#11161a",
  "#0c1013",
];

const GRAY: MantineColorsTuple = [
  "#f7f7f5",
  "#efefec",
  "#e4e4df",
  "#d6d6d0",
  "#bdbdb6",
  "#95978f",
  "#686e6d",
  "#495052",
  "#2d3438",
  "#171c20",
];

export const SANS =
  'ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", Arial, sans-serif';
export const MONO = 'ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "Liberation Mono", monospace';

export const THEME = createTheme({
  primaryColor: "sea",
  primaryShade: { light: 7, dark: 5 },
  colors: { sea: SEA, dark: DARK, gray: GRAY },
  black: "#171c20",
  fontFamily: SANS,
  fontFamilyMonospace: MONO,
  headings: { fontFamily: SANS, fontWeight: "620" },
  defaultRadius: "md",
  cursorType: "pointer",
  respectReducedMotion: true,
  focusRing: "auto",
});

/** Every CSS variable of the theme, for both colour schemes. */
export const themeCss = (): string =>
  convertCssVariables(defaultCssVariablesResolver(mergeMantineTheme(DEFAULT_THEME, THEME)), ":root");
