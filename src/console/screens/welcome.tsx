/**
 * Enrolling after a one-time link: a password, an authenticator proved by its code, backup codes, and if wanted a passkey. The
 * authenticator counts only once its code was right, so a person who stops half-way begins that step again.
 */
import { Button, Checkbox, PasswordInput, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { useLocation, useSearch } from "wouter";
import { browserPasskeys, totpSecret } from "../auth.ts";
import { useWords } from "../language.tsx";
import { Head } from "../parts/head.tsx";
import { Loaded } from "../parts/loaded.tsx";
import { Qr } from "../parts/qr.tsx";
import { auth, useMe } from "../queries.ts";
import { Door } from "./door.tsx";
import { refusalWords } from "./sign-in.tsx";

export const PASSWORD_CHARS_MIN = 12;
const STEPS = ["password", "totp", "backup", "passkey"] as const;
type Step = (typeof STEPS)[number];

export function WelcomeScreen() {
  const words = useWords();
  const me = useMe();
  const spent = new URLSearchParams(useSearch()).has("error");
  if (spent || me.error?.code === "auth.required")
    return (
      <Door>
        <Head title={words.welcome.title} />
        <div className="note" data-tone="warn" role="alert">
          <span>{words.welcome.linkSpent}</span>
        </div>
        <a href="/console/sign-in">{words.signIn.title}</a>
      </Door>
    );
  return (
    <Door>
      <Loaded query={me}>
        {(who) =>
          who.secondFactor ? (
            <Enrol from="passkey" name={who.name} />
          ) : (
            <Enrol from="password" name={who.name} />
          )
        }
      </Loaded>
    </Door>
  );
}

function Enrol({ from, name }: { readonly from: Step; readonly name: string }) {
  const words = useWords();
  const queries = useQueryClient();
  const [, go] = useLocation();
  const [first] = useState(from);
  const [step, setStep] = useState<Step>(first);
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const [code, setCode] = useState("");
  const [kept, setKept] = useState(false);
  const [passkeyAdded, setPasskeyAdded] = useState(false);
  const [totp, setTotp] = useState<{
    readonly totpUri: string;
    readonly backupCodes: readonly string[];
  } | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  const attempt = async (work: () => Promise<void>): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      await work();
    } catch (error) {
      setProblem(refusalWords(error, words));
    } finally {
      setBusy(false);
    }
  };

  const choosePassword = (): void => {
    if (password.length < PASSWORD_CHARS_MIN) return setProblem(words.welcome.tooShort);
    if (password !== again) return setProblem(words.welcome.differs);
    void attempt(async () => {
      await auth.enrolPassword(password);
      setTotp(await auth.enableTotp(password));
      setStep("totp");
    });
  };

  const finish = (): void => {
    queries.clear();
    go("/", { replace: true });
  };

  const alert =
    problem === null ? null : (
      <div className="note" data-tone="bad" role="alert">
        <span>{problem}</span>
      </div>
    );

  const bodies: Record<Step, ReactNode> = {
    password: (
      <form
        onSubmit={(event) => {
          event.preventDefault();
          choosePassword();
        }}
      >
        <Head title={`${words.welcome.title}, ${name}`} intro={words.welcome.intro} focus={false} />
        {alert}
        <PasswordInput
          label={words.welcome.passwordStep}
          description={words.welcome.passwordHelp}
          autoComplete="new-password"
          size="md"
          autoFocus
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        <PasswordInput
          label={words.welcome.again}
          autoComplete="new-password"
          size="md"
          value={again}
          onChange={(event) => setAgain(event.currentTarget.value)}
        />
        <Button type="submit" size="md" loading={busy}>
          {words.signIn.verify}
        </Button>
      </form>
    ),
    totp:
      totp === null ? null : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void attempt(async () => {
              await auth.verifyTotp(code.replace(/\s/g, ""));
              setStep("backup");
            });
          }}
        >
          <Head title={words.welcome.totpStep} intro={words.welcome.totpHelp} focus={false} />
          {alert}
          <Qr text={totp.totpUri} label={words.welcome.qrLabel} />
          <p className="small quiet">
            {words.welcome.totpManual}
            {words.common.colon}
            <span className="mono strong">{totpSecret(totp.totpUri)}</span>
          </p>
          <TextInput
            label={words.welcome.code}
            inputMode="numeric"
            autoComplete="one-time-code"
            size="lg"
            autoFocus
            classNames={{ input: "mono" }}
            maxLength={7}
            value={code}
            onChange={(event) => setCode(event.currentTarget.value)}
          />
          <Button type="submit" size="md" loading={busy}>
            {words.signIn.verify}
          </Button>
        </form>
      ),
    backup: (
      <div className="stack">
        <Head title={words.welcome.backupStep} intro={words.welcome.backupHelp} />
        <ol className="panel codes">
          {(totp?.backupCodes ?? []).map((each) => (
            <li key={each}>{each}</li>
          ))}
        </ol>
        <Checkbox
          label={words.welcome.backupKept}
          checked={kept}
          onChange={(event) => setKept(event.currentTarget.checked)}
        />
        <div className="row">
          <Button size="md" disabled={!kept} onClick={() => setStep("passkey")}>
            {words.signIn.verify}
          </Button>
          <Button size="md" variant="default" onClick={() => window.print()}>
            {words.welcome.print}
          </Button>
        </div>
      </div>
    ),
    passkey: (
      <div className="stack">
        <Head title={words.welcome.passkeyStep} intro={words.welcome.passkeyHelp} />
        {first === "passkey" ? <p className="quiet">{words.welcome.already}</p> : null}
        {alert}
        {passkeyAdded ? (
          <p className="state" data-tone="good" role="status">
            {words.welcome.passkeyAdded}
          </p>
        ) : browserPasskeys() === null ? (
          <p className="quiet">{words.welcome.passkeyMissing}</p>
        ) : (
          <Button
            size="md"
            variant="default"
            loading={busy}
            onClick={() =>
              void attempt(async () => {
                await auth.addPasskey(name);
                setPasskeyAdded(true);
              })
            }
          >
            {words.welcome.passkeyAdd}
          </Button>
        )}
        <Button size="md" onClick={finish}>
          {words.welcome.done}
        </Button>
      </div>
    ),
  };

  const index = STEPS.indexOf(step);
  return (
    <div className="stack">
      {first === "password" ? (
        <div className="steps" role="img" aria-label={words.welcome.step(index + 1, STEPS.length)}>
          {STEPS.map((each, i) => (
            <i key={each} data-on={i <= index ? "yes" : "no"} />
          ))}
        </div>
      ) : null}
      <div key={step}>{bodies[step]}</div>
    </div>
  );
}
