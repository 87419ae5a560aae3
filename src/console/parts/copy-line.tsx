/** A value to be carried elsewhere, such as a DNS record's: shown whole, copied with one press, and the press is announced. */
import { Button, CopyButton } from "@mantine/core";
import { useWords } from "../language.tsx";

export function CopyLine({ value, label }: { readonly value: string; readonly label: string }) {
  const words = useWords();
  return (
    <div className="copy-line">
      <code>{value}</code>
      <CopyButton value={value}>
        {({ copied, copy }) => (
          <Button size="compact-sm" variant="default" onClick={copy} aria-label={label}>
            <span aria-live="polite">{copied ? words.common.copied : words.common.copy}</span>
          </Button>
        )}
      </CopyButton>
    </div>
  );
}
