/** A button that is never hidden: when it is off, its reason stands below it, for eyes and for screen readers. */
import { Button as MantineButton } from "@mantine/core";
import { useId } from "react";
import { useWords } from "../language.tsx";

export function ActButton({
  label,
  why,
  ok,
  onClick,
  kbd,
  variant = "default",
  danger = false,
  fullWidth = true,
  size = "sm",
  title,
}: {
  readonly label: string;
  readonly ok: boolean;
  readonly why: string | null;
  readonly onClick: () => void;
  readonly kbd?: string;
  readonly variant?: "default" | "filled";
  readonly danger?: boolean;
  readonly fullWidth?: boolean;
  readonly size?: "sm" | "compact-sm";
  /** A reason too short-lived for a line of its own, such as the end of a list. */
  readonly title?: string;
}) {
  const id = useId();
  const words = useWords();
  return (
    <div className={fullWidth ? "stack-tight" : "stack-tight act-narrow"}>
      <MantineButton
        variant={ok ? variant : "default"}
        fullWidth={fullWidth}
        size={size}
        {...(title === undefined ? {} : { title, "aria-description": title })}
        disabled={!ok}
        justify={kbd === undefined ? "center" : "space-between"}
        rightSection={kbd === undefined ? null : <kbd aria-hidden="true">{kbd}</kbd>}
        aria-describedby={why === null ? undefined : id}
        aria-keyshortcuts={kbd}
        onClick={onClick}
        {...(danger && ok ? { color: "var(--d-imminent)" } : {})}
      >
        {label}
      </MantineButton>
      {why === null ? null : (
        <p className="why" id={id}>
          {words.common.because(why)}
        </p>
      )}
    </div>
  );
}
