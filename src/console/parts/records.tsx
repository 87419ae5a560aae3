/** DNS records as a table that folds into cards: type, name, value, each value with its own button to copy. */
import type { DnsRecord } from "../../contract/http-sites.ts";
import { useWords } from "../language.tsx";
import { CopyLine } from "./copy-line.tsx";

export function Records({
  records,
  copy = false,
}: {
  readonly records: readonly DnsRecord[];
  readonly copy?: boolean;
}) {
  const words = useWords();
  const w = words.site;
  return (
    <ul className="records">
      {records.map((record) => (
        <li key={`${record.type} ${record.name} ${record.value}`}>
          <span className="tag">{record.type}</span>
          {copy ? (
            <CopyLine value={record.name} label={w.setup.copyName} />
          ) : (
            <code aria-label={w.add.name}>{record.name}</code>
          )}
          {copy ? (
            <CopyLine value={record.value} label={w.setup.copyValue} />
          ) : (
            <code aria-label={w.add.value}>{record.value}</code>
          )}
        </li>
      ))}
    </ul>
  );
}
