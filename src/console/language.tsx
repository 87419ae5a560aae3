/** The language of the screens: kept in this browser, English unless the browser asks for French first. */
import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import { ENGLISH, type Words } from "./words/english.ts";
import { FRENCH } from "./words/french.ts";

export const LANGUAGES = { en: ENGLISH, fr: FRENCH } as const satisfies Record<string, Words>;
export type Language = keyof typeof LANGUAGES;

const KEY = "parapet-language";
const isLanguage = (value: unknown): value is Language => value === "en" || value === "fr";

function startLanguage(): Language {
  const kept = localStorage.getItem(KEY);
  if (isLanguage(kept)) return kept;
  const asked = navigator.languages.map((tag) => tag.slice(0, 2)).find(isLanguage);
  return asked ?? "en";
}

let current: Language = startLanguage();
/** What the client sends as Accept-Language. */
export const currentLanguage = (): Language => current;

type LanguageContext = { readonly language: Language; readonly setLanguage: (language: Language) => void };
const Context = createContext<LanguageContext | null>(null);

export function LanguageProvider({ children }: { readonly children: ReactNode }) {
  const [language, setState] = useState<Language>(current);
  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  const value = useMemo<LanguageContext>(
    () => ({
      language,
      setLanguage(next) {
        current = next;
        localStorage.setItem(KEY, next);
        setState(next);
      },
    }),
    [language],
  );
  return <Context value={value}>{children}</Context>;
}

export function useLanguage(): LanguageContext {
  const value = useContext(Context);
  if (value === null) throw new Error("useLanguage stands outside LanguageProvider");
  return value;
}

export const useWords = (): Words => LANGUAGES[useLanguage().language];
