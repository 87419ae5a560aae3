/**
 * How the console is built: one HTML page, its scripts and styles as files of its own, nothing inline and nothing from elsewhere, so that
 * it runs under "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'".
 */
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";
import { themeCss } from "./theme.ts";

const THEME_ID = "virtual:theme.css";

function themePlugin(): Plugin {
  return {
    name: "parapet-theme-css",
    resolveId: (id) => (id === THEME_ID ? `\0${THEME_ID}` : null),
    load: (id) => (id === `\0${THEME_ID}` ? themeCss() : null),
  };
}

export default defineConfig({
  root: import.meta.dirname,
  base: "/console/",
  plugins: [react(), themePlugin()],
  build: {
    target: "es2023",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 900,
    emptyOutDir: true,
  },
});
