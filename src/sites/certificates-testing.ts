/**
 * Certificates for tests, made by openssl as an operator would make them: any key, names, dates and use, also wrong ones. Not
 * for anything else: the authority's key lies in a temporary folder.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type Made = { readonly certPem: string; readonly keyPem: string };

export type TestAuthority = {
  readonly certPem: string;
  make(options: {
    readonly names: readonly string[];
    /** As openssl takes it: "rsa:2048", "ec:prime256v1", "ed25519". */
    readonly key?: string;
    readonly digest?: string;
    /** "YYYYMMDDhhmmssZ" */
    readonly from?: string;
    readonly until?: string;
    readonly usage?: string;
    readonly ca?: boolean;
  }): Made;
  end(): void;
};

export function openTestAuthority(name = "Test authority"): TestAuthority {
  const dir = mkdtempSync(join(tmpdir(), "parapet-ca-"));
  const openssl = (...args: string[]): Buffer => execFileSync("openssl", args, { cwd: dir, stdio: "pipe" });
  const at = (file: string): string => readFileSync(join(dir, file), "utf8");
  openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "ca.key");
  openssl("req", "-x509", "-key", "ca.key", "-out", "ca.pem", "-days", "3650", "-subj", `/CN=${name}`);
  // `openssl ca` is what takes dates; it keeps an index of what it signed.
  writeFileSync(
    join(dir, "ca.cnf"),
    "[ca]\ndefault_ca=d\n[d]\ndatabase=index\nnew_certs_dir=.\ncertificate=ca.pem\nprivate_key=ca.key\nrand_serial=yes\ndefault_md=sha256\npolicy=p\nunique_subject=no\ncopy_extensions=none\n[p]\ncommonName=supplied\n",
  );
  writeFileSync(join(dir, "index"), "");
  return {
    certPem: at("ca.pem"),
    make(options) {
      const [kind = "ec", detail = "prime256v1"] = (options.key ?? "ec:prime256v1").split(":");
      if (kind === "rsa") openssl("genrsa", "-out", "leaf.key", detail);
      else if (kind === "ec") openssl("ecparam", "-name", detail, "-genkey", "-noout", "-out", "leaf.key");
      else openssl("genpkey", "-algorithm", kind, "-out", "leaf.key");
      openssl("req", "-new", "-key", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=leaf");
      const names = options.names.map((dns) => `DNS:${dns}`).join(",");
      writeFileSync(
        join(dir, "ext"),
        `${names === "" ? "" : `subjectAltName=${names}\n`}basicConstraints=CA:${options.ca === true ? "TRUE" : "FALSE"}\n${options.usage === undefined ? "" : `extendedKeyUsage=${options.usage}\n`}`,
      );
      const [from, until] = [options.from ?? "20260101000000Z", options.until ?? "20360101000000Z"];
      const signing = "ca -batch -notext -config ca.cnf -in leaf.csr -out leaf.pem -extfile ext".split(" ");
      openssl(...signing, "-md", options.digest ?? "sha256", "-startdate", from, "-enddate", until);
      return { certPem: at("leaf.pem"), keyPem: at("leaf.key") };
    },
    end: () => rmSync(dir, { recursive: true, force: true }),
  };
}
