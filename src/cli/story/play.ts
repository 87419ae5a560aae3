/** Plays the scenes one after another on one stage, times them, and stops at the first that does not hold. */
import { SCENES, type Plot } from "./scenes.ts";
import { setStage } from "./stage.ts";

export type StoryStep = { readonly name: string; readonly ok: boolean; readonly ms: number };

export type StoryResult = {
  readonly ok: boolean;
  readonly steps: readonly StoryStep[];
  /** Milliseconds from the officer's click to the first notice page a visitor got. */
  readonly inForceMs: number | null;
  /** Milliseconds from the lifting click to the first page of the site a visitor got. */
  readonly liftMs: number | null;
  readonly reporterLeaks: number | null;
  readonly ledgerVerified: boolean;
};

export async function playStory(options: {
  readonly onScene: (scene: {
    readonly number: number;
    readonly name: string;
    readonly ok: boolean;
    readonly ms: number;
    readonly lines: readonly string[];
  }) => void;
}): Promise<StoryResult> {
  const stage = await setStage({ daysAgo: 2 });
  try {
    const plot: Plot = {
      stage,
      inForceMs: null,
      liftMs: null,
      reporterLeaks: null,
      ledgerVerified: false,
      noor: await stage.hire("Noor", ["officer"]),
      ilse: await stage.hire("Ilse", ["officer"]),
      tomas: await stage.hire("Tomas", ["officer"]),
      reportCode: "",
      caseId: "" as Plot["caseId"],
      siteId: "" as Plot["siteId"],
      brake: null,
      statementPath: "",
    };
    const steps: StoryStep[] = [];
    for (const [i, scene] of SCENES.entries()) {
      const startedAt = performance.now();
      let lines: readonly string[];
      let ok = true;
      try {
        lines = await scene.play(plot);
      } catch (error) {
        ok = false;
        lines = [
          error instanceof Error ? error.message : String(error),
          ...stage.instance.alarms().map((alarm) => `! ${alarm.what}`),
        ];
        if (process.env["PARAPET_TRACE"] === "1") console.error(error);
      }
      const ms = Math.round(performance.now() - startedAt);
      steps.push({ name: scene.name, ok, ms });
      options.onScene({ number: i + 1, name: scene.name, ok, ms, lines });
      if (!ok) break;
    }
    const { inForceMs, liftMs, reporterLeaks, ledgerVerified } = plot;
    return {
      ok: steps.length === SCENES.length && steps.every((step) => step.ok),
      steps,
      inForceMs,
      liftMs,
      reporterLeaks,
      ledgerVerified,
    };
  } finally {
    await stage.close();
  }
}
