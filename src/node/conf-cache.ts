/**
 * The part of nginx.conf that keeps answers. nginx's proxy_cache is the store: it finds, locks, sends ranges, writes and evicts. What it judges badly is
 * judged by the edge in a hop between the store and the origin: the fetch server, which only this nginx can reach. There each answer
 * gets its life (`edge/nginx/cache-fetch.ts`), written into a Cache-Control of the hop alone; the origin's own travels beside it and comes
 * back on the way out. A revalidation makes one hop more, so that a 304's fields are merged into what is stored (RFC 9111 §3.2).
 */
import { CACHE_LIFE_SECONDS_MAX } from "../contract/cache.ts";
import { LEFT, renderOriginLocations } from "./conf-origins.ts";

export type CacheConfOptions = {
  /** Absolute; of the workers alone. */
  readonly cacheDir: string;
  /** Only nginx's workers can reach it. */
  readonly fetchSocket: string;
  /** What all sites together may hold on this node. */
  readonly cacheBytesMax: number;
  readonly originCaFile: string;
  readonly chunkedBytes: readonly number[];
  /** The `proxy_set_header` lines that every request to an origin has. */
  readonly originFields: readonly string[];
};

const KEYS_ZONE_MB = 64;
/** Files of answers that a worker keeps open, of its file descriptors. */
const OPEN_ANSWERS_MAX = 2000;
/** nginx holds about 8,000 keys in each MiB; over that it evicts whoever was asked for the longest ago, so sites are kept below it. */
export const CACHE_ANSWERS_MAX = KEYS_ZONE_MB * 7000;
/** The agent holds the bound fairly among sites; nginx alone, which does not know sites, comes in only if the agent is away. */
const NGINX_PART = 1.25;
const CACHE_STATUSES: readonly (readonly [string, string])[] = [
  ["HIT", "hit"],
  ["MISS", "fwd=miss"],
  ["EXPIRED", "fwd=stale"],
  ["STALE", "hit; detail=stale"],
  ["UPDATING", "hit; detail=updating"],
  ["REVALIDATED", "fwd=stale; fwd-status=304"],
  ["BYPASS", "fwd=bypass"],
];

/** At the level of http. */
export function renderCacheStore(options: CacheConfOptions): string {
  return `  proxy_cache_path ${options.cacheDir} levels=1:2 keys_zone=parapet:${KEYS_ZONE_MB}m use_temp_path=off
    max_size=${Math.ceil((options.cacheBytesMax * NGINX_PART) / (1024 * 1024))}m inactive=${CACHE_LIFE_SECONDS_MAX}s
    manager_files=200 manager_threshold=100ms manager_sleep=200ms loader_files=200 loader_threshold=100ms loader_sleep=100ms;
  lua_shared_dict parapet_cache 16m;
  lua_shared_dict parapet_doubts 64m;
  lua_shared_dict parapet_doubted 8m;
  lua_shared_dict parapet_tags 32m;
  map "" $p_salt { default ""; }
  map "" $p_target { default $request_uri; }
  map "" $p_fresh { default ""; }
  map $upstream_cache_status $p_cache_status {
    default "";
${CACHE_STATUSES.map(([status, said]) => `    ${status} "parapet; ${said}";`).join("\n")}
  }
  upstream parapet_fetch {
    server unix:${options.fetchSocket};
    keepalive 64;
    keepalive_requests 100000;
  }
`;
}

/**
 * In each server block that visitors talk to. Over TLS a site's Strict-Transport-Security takes the place of its origin's; elsewhere there is
 * none to set (RFC 6797 §7.2).
 */
export function renderCachedLocations(store: CacheConfOptions, tls: boolean): string {
  const options = { ...store, tls };
  return `    # For sites with nothing but the usual settings: the key is made without Lua.
    location @kept {
      header_filter_by_lua_block { parapet_age() }
${renderStored("$p_site$p_salt $scheme $http_host $request_uri", options)}    }
    location @cached {
      header_filter_by_lua_block { parapet_cached() }
${renderStored("$p_site$p_salt $scheme $http_host $p_target", options)}    }
    # What may change a stored answer: judged by the hop as well. A body that was not read yet is read there.
    location @changing {
      header_filter_by_lua_block { parapet_cached() }
      proxy_request_buffering off;
${renderHop(options, "$p_site")}    }
`;
}

function renderStored(key: string, options: HopOptions): string {
  return `      proxy_cache parapet;
      # Hot answers stay open. nginx knows by the inode when one was replaced; one that was evicted keeps its room until it is closed.
      open_file_cache max=${OPEN_ANSWERS_MAX} inactive=30s;
      open_file_cache_valid 10s;
      open_file_cache_min_uses 2;
      proxy_cache_key "${key}";
      proxy_cache_convert_head on;
      proxy_force_ranges on;
      proxy_cache_lock on;
      proxy_cache_lock_timeout 5s;
      proxy_cache_lock_age 5s;
      proxy_cache_background_update on;
      proxy_cache_revalidate on;
${renderHop(options, key)}`;
}

/** To the fetch server and back. */
type HopOptions = CacheConfOptions & { readonly tls: boolean };

function renderHop(options: HopOptions, key: string): string {
  const hidden = options.tls ? [...HIDDEN, "Strict-Transport-Security"] : HIDDEN;
  return `      proxy_pass http://parapet_fetch;
      proxy_next_upstream off;
      proxy_connect_timeout 5s;
      proxy_read_timeout 3700s;
      proxy_ignore_headers X-Accel-Redirect X-Accel-Limit-Rate X-Accel-Charset X-Accel-Expires Expires Set-Cookie;
      proxy_pass_header Date;
${hidden.map((name) => `      proxy_hide_header ${name};\n`).join("")}      add_header X-Request-Id $p_request always;
${options.tls ? "      add_header Strict-Transport-Security $p_hsts always;\n" : ""}      add_header Cache-Control $upstream_http_x_parapet_said always;
      add_header Cache-Status $p_cache_status always;
${renderFields(options.originFields.map((line) => line.replace(/Connection .*/, 'Connection "";')))}      proxy_set_header X-Parapet-Site $p_site;
      proxy_set_header X-Parapet-Key "${key}";
      proxy_set_header X-Parapet-Step "";
      proxy_set_header X-Parapet-Store $upstream_cache_status;
`;
}

/** Fields of the hop's answers that are for the store and not for visitors. */
const HIDDEN = [
  "X-Request-Id",
  "Cache-Control",
  "Age",
  "X-Parapet-Said",
  "X-Parapet-Targeted",
  "X-Parapet-Born",
  "X-Parapet-Reason",
  "X-Parapet-Fresh",
];

/** The fetch server: what a site's own way to its origin is to the store. */
export function renderFetchServer(options: CacheConfOptions): string {
  const toOrigin = options.originFields
    .map((line) => line.replace(/X-Forwarded-Proto .*/, "X-Forwarded-Proto $http_x_forwarded_proto;"))
    .map((line) => line.replace(/CDN-Loop .*/, "CDN-Loop $http_cdn_loop;"))
    .map((line) => line.replace(/X-Request-Id .*/, "X-Request-Id $http_x_request_id;"));
  const again = options.originFields
    .map((line) => line.replace(/X-Forwarded-Proto .*/, "X-Forwarded-Proto $http_x_forwarded_proto;"))
    .map((line) => line.replace(/CDN-Loop .*/, "CDN-Loop $http_cdn_loop;"))
    .map((line) => line.replace(/Connection .*/, 'Connection "";'))
    .map((line) => line.replace(/Host .*/, "Host $http_host;"));
  const ways = renderOriginLocations({ ...options, grpc: false }).replaceAll(
    / *header_filter_by_lua_block .*\n/g,
    "",
  );
  return `  server {
    listen unix:${options.fetchSocket};
    access_log off;
    set_real_ip_from unix:;
    real_ip_header X-Real-IP;
    # The store's answers carry no number of the request that filled it: an empty field adds nothing, and takes the place of the one above.
    add_header X-Request-Id "";
    server_rewrite_by_lua_block { parapet_fetch() }
    header_filter_by_lua_block { parapet_judge() }
    recursive_error_pages on;
    error_page 413 500 502 503 504 @error;
    proxy_pass_header Date;
${renderFields(toOrigin)}    proxy_set_header X-Parapet-Site "";
    proxy_set_header X-Parapet-Key "";
    proxy_set_header X-Parapet-Step "";
    proxy_set_header X-Parapet-Store "";

    location / {
${LEFT}      proxy_pass http://parapet_plain;
    }
${ways}    # A conditional request: the answer is asked for in a second hop, so that a 304 can be caught here.
    location @revalidate {
      header_filter_by_lua_block { parapet_pass() }
      proxy_pass http://parapet_fetch;
      proxy_next_upstream off;
      proxy_read_timeout 3700s;
      proxy_ignore_headers X-Accel-Redirect X-Accel-Limit-Rate X-Accel-Charset;
      proxy_intercept_errors on;
      error_page 304 = @stored;
${renderFields(again)}      proxy_set_header X-Parapet-Step revalidate;
    }
    # The stored answer, read while the store waits for this very hop, with the 304's fields in place of its own.
    location @stored {
      rewrite_by_lua_block { parapet_stored() }
      header_filter_by_lua_block { parapet_merge() }
      proxy_cache parapet;
      proxy_cache_key $http_x_parapet_key;
      proxy_cache_use_stale updating;
      proxy_ignore_headers X-Accel-Redirect X-Accel-Limit-Rate X-Accel-Charset X-Accel-Expires Expires Set-Cookie;
      proxy_set_header X-Parapet-Fresh $p_fresh; # Named here, so that Lua can write it.
      proxy_pass http://unix:${options.fetchSocket}.nobody;
      error_page 502 = @again;
    }
    # It was evicted meanwhile: asked for without a condition.
    location @again {
      rewrite_by_lua_block { parapet_again() }
      proxy_pass http://parapet_plain;
    }
    location @error {
      internal;
${LEFT}      content_by_lua_block { parapet_fetch_failed() }
    }
  }
`;
}

function renderFields(lines: readonly string[]): string {
  return lines.map((line) => `      ${line.trim()}\n`).join("");
}
