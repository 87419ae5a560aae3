/**
 * Header filter of what comes out of the cache: its age (RFC 9111 §5.1), since nginx has no arithmetic. It runs for every hit of every
 * site, so it reads one variable and writes one field.
 */

export function addAge(): void {
  const born = ngx.var["upstream_http_x_parapet_born"];
  if (born === undefined) {
    const reason = ngx.var["upstream_http_x_parapet_reason"];
    if (reason !== undefined) ngx.var["p_reason"] = reason;
    return;
  }
  const age = ngx.time() - (tonumber(born) ?? 0);
  // In its first second it may have come from the origin for this very request: then it has no age to tell.
  if (age <= 0 && !isStored(ngx.var["upstream_cache_status"])) return;
  ngx.header["Age"] = string.format("%d", math.max(0, age));
}

function isStored(status: string | undefined): boolean {
  return status === "HIT" || status === "STALE" || status === "UPDATING" || status === "REVALIDATED";
}
