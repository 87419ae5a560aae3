/** The two screens outside: sign in and welcome. */
import type { ReactNode } from "react";
import { useWords } from "../language.tsx";
import { BrandMark } from "../parts/brand.tsx";
import { Preferences } from "../parts/preferences.tsx";

export function Door({ children }: { readonly children: ReactNode }) {
  const words = useWords();
  return (
    <div className="door">
      <div className="row row-apart">
        <span className="brand">
          <BrandMark />
          {words.product}
        </span>
        <Preferences />
      </div>
      <main className="door-main">{children}</main>
      <div className="door-foot">
        <span>
          {words.signIn.reporter} <a href="/report">{words.signIn.report}</a>
        </span>
      </div>
    </div>
  );
}
