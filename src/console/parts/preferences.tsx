/** Language and appearance: two small switches that stand on every screen, the doors included. */
import { NativeSelect, useMantineColorScheme } from "@mantine/core";
import { useLanguage, useWords } from "../language.tsx";

export function Preferences() {
  const { language, setLanguage } = useLanguage();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const words = useWords();
  return (
    <div className="row">
      <NativeSelect
        size="xs"
        aria-label={words.settings.language}
        value={language}
        onChange={(event) => setLanguage(event.currentTarget.value === "fr" ? "fr" : "en")}
        data={[
          { value: "en", label: "English" },
          { value: "fr", label: "Français" },
        ]}
      />
      <NativeSelect
        size="xs"
        aria-label={words.settings.scheme}
        value={colorScheme}
        onChange={(event) => {
          const value = event.currentTarget.value;
          setColorScheme(value === "light" || value === "dark" ? value : "auto");
        }}
        data={[
          { value: "auto", label: words.settings.auto },
          { value: "light", label: words.settings.light },
          { value: "dark", label: words.settings.dark },
        ]}
      />
    </div>
  );
}
