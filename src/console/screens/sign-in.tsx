/** Signing in: password and second step, or a passkey. Leads back to where somebody wanted to go. */
import { Anchor, Button, PasswordInput, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation, useSearch } from "wouter";
import { AuthRefusal, browserPasskeys } from "../auth.ts";
import { useWords } from "../language.tsx";
import { Head } from "../parts/head.tsx";
import { auth } from "../queries.ts";
import type { Words } from "../words/english.ts";
import { Door } from "./door.tsx";

/** Words for a refusal; an ended second step leads back to the password. */
export function refusalWords(error: unknown, words: Words): string {
  if (!(error instanceof AuthRefusal)) return words.auth.failed;
  if (error.detail !== "") return error.detail;
  if (error.reason === "session") return words.signIn.expired;
  if (error.reason === "offline") return `${words.fault.offline}. ${words.fault.offlineDo}`;
  return words.auth[error.reason];
}

/** Only addresses of this console are followed: no sign-in link leads elsewhere. */
export function placeToGo(search: string): string {
  const to = new URLSearchParams(search).get("to") ?? "/";
  return /^\/(?![/\\])[\w\-./]*$/.test(to) && !to.startsWith("/sign-in") ? to : "/";
}

export function SignInScreen() {
  const words = useWords();
  const [, go] = useLocation();
  const search = useSearch();
  const queries = useQueryClient();
  const [step, setStep] = useState<"password" | "totp" | "backup">("password");
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);

  const attempt = async (work: () => Promise<"in" | "second-step">): Promise<void> => {
    setBusy(true);
    setRefusal(null);
    try {
      if ((await work()) === "second-step") setStep("totp");
      else {
        queries.clear();
        go(placeToGo(search), { replace: true });
      }
    } catch (error) {
      if (error instanceof AuthRefusal && error.reason === "session" && step !== "password")
        setStep("password");
      setRefusal(refusalWords(error, words));
      setCode("");
    } finally {
      setBusy(false);
    }
  };

  const alert =
    refusal === null ? null : (
      <div className="note" data-tone="bad" role="alert">
        <span>{refusal}</span>
      </div>
    );

  return (
    <Door>
      {step === "password" ? (
        <>
          <Head title={words.signIn.title} intro={words.signIn.intro} focus={false} />
          <form
            onSubmit={(event) => {
              event.preventDefault();
              void attempt(async () =>
                (await auth.signIn({ email, password })) === "second-step" ? "second-step" : "in",
              );
            }}
          >
            {alert}
            <TextInput
              label={words.signIn.email}
              type="email"
              name="email"
              autoComplete="username webauthn"
              required
              withAsterisk={false}
              size="md"
              autoFocus
              value={email}
              onChange={(event) => setEmail(event.currentTarget.value)}
            />
            <PasswordInput
              label={words.signIn.password}
              name="password"
              autoComplete="current-password"
              required
              withAsterisk={false}
              size="md"
              value={password}
              onChange={(event) => setPassword(event.currentTarget.value)}
            />
            <Button type="submit" size="md" loading={busy}>
              {words.signIn.go}
            </Button>
            {browserPasskeys() === null ? null : (
              <Button
                variant="default"
                size="md"
                disabled={busy}
                onClick={() =>
                  void attempt(async () => {
                    await auth.signInWithPasskey();
                    return "in";
                  })
                }
              >
                {words.signIn.passkey}
              </Button>
            )}
          </form>
        </>
      ) : (
        <>
          <Head
            key={step}
            title={words.signIn.codeTitle}
            focus={false}
            {...(step === "totp" ? { intro: words.signIn.codeIntro } : {})}
          />
          <form
            onSubmit={(event) => {
              event.preventDefault();
              void attempt(async () => {
                if (step === "totp") await auth.verifyTotp(code.replace(/\s/g, ""));
                else await auth.verifyBackupCode(code.trim());
                return "in";
              });
            }}
          >
            {alert}
            <TextInput
              key={step}
              label={step === "totp" ? words.signIn.code : words.signIn.backupCode}
              name="code"
              inputMode={step === "totp" ? "numeric" : "text"}
              autoComplete="one-time-code"
              required
              withAsterisk={false}
              autoFocus
              size="lg"
              classNames={{ input: "mono" }}
              maxLength={step === "totp" ? 7 : 40}
              value={code}
              onChange={(event) => setCode(event.currentTarget.value)}
            />
            <Button type="submit" size="md" loading={busy}>
              {words.signIn.verify}
            </Button>
            <div className="row row-apart small">
              <Anchor
                component="button"
                type="button"
                size="sm"
                onClick={() => {
                  setCode("");
                  setStep(step === "totp" ? "backup" : "totp");
                }}
              >
                {step === "totp" ? words.signIn.backupInstead : words.signIn.totpInstead}
              </Anchor>
              <Anchor component="button" type="button" size="sm" onClick={() => setStep("password")}>
                {words.common.back}
              </Anchor>
            </div>
          </form>
        </>
      )}
    </Door>
  );
}
