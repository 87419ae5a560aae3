/**
 * Text that may be hard to bear: blurred, out of reach of selection and screen readers, until somebody chooses to read it. The
 * choice holds for this view alone and is not remembered: nobody meets it again by accident.
 */
import { Button } from "@mantine/core";
import { useState, type ReactNode } from "react";
import { useWords } from "../language.tsx";

export function Veil({ children, label }: { readonly children: ReactNode; readonly label?: string }) {
  const words = useWords();
  const [covered, setCovered] = useState(true);
  return (
    <div className="veil">
      <div className="veil-text" data-covered={covered ? "yes" : "no"} aria-hidden={covered} inert={covered}>
        {children}
      </div>
      {covered ? (
        <div className="veil-cover">
          <Button
            size="compact-sm"
            variant="default"
            onClick={() => setCovered(false)}
            title={words.veil.covered}
          >
            {label ?? words.veil.reveal}
          </Button>
        </div>
      ) : (
        <Button size="compact-xs" variant="subtle" onClick={() => setCovered(true)}>
          {words.veil.veil}
        </Button>
      )}
    </div>
  );
}
