/** What changed, one line a value: the setting, before, after. The words stand beside the colours. */
import type { SettingChange } from "../../contract/http-sites.ts";
import { useWords } from "../language.tsx";
import { settingLabel, settingValue } from "../site/setting-label.ts";

export function Changes({ changes }: { readonly changes: readonly SettingChange[] }) {
  const words = useWords();
  const w = words.site.draft;
  return (
    <table className="changes">
      <thead>
        <tr>
          <th scope="col">{w.setting}</th>
          <th scope="col">{w.before}</th>
          <th scope="col">{w.after}</th>
        </tr>
      </thead>
      <tbody>
        {changes.map((change) => (
          <tr key={change.path}>
            <th scope="row" title={change.path}>
              {settingLabel(change.path, words)}
            </th>
            <td data-label={w.before}>
              <code className="before">{settingValue(change.path, change.before, words)}</code>
            </td>
            <td data-label={w.after}>
              <code className="after">{settingValue(change.path, change.after, words)}</code>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
