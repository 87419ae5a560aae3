/** A danger level as five rising bars and its word: read by shape and text first, by colour second. */
import { DANGER_LEVELS, type DangerLevel } from "../../contract/danger.ts";
import { levelRank } from "../buttons.ts";
import { useWords } from "../language.tsx";

export function DangerMark({
  level,
  big = false,
  calm = false,
}: {
  readonly level: DangerLevel;
  readonly big?: boolean;
  /** True where nothing has this level now: the mark stays, its alarm does not. */
  readonly calm?: boolean;
}) {
  const words = useWords();
  const rank = levelRank(level);
  return (
    <span className={big ? "level level-big" : "level"} data-level={level} data-calm={calm ? "yes" : "no"}>
      <svg viewBox="0 0 28 20" aria-hidden="true">
        {DANGER_LEVELS.map((each, i) => (
          <rect
            key={each}
            x={i * 6}
            y={16 - (i + 1) * 3.2 + 3}
            width="4"
            height={(i + 1) * 3.2 + 1}
            rx="1"
            fill="currentColor"
            opacity={i < rank ? 1 : 0.24}
          />
        ))}
      </svg>
      <span className="only-read">{words.levelOf("")}</span>
      {words.level[level]}
    </span>
  );
}
