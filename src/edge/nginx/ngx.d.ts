/**
 * The part of lua-nginx-module 0.10.23 and lua-resty-core 0.1.25 that the edge uses, and no more. All functions are called without a
 * self argument (`noImplicitSelf`), save the methods of a shared dictionary, which are declared with one.
 */
type Nullable<T> = T | undefined;

interface SharedDict {
  get(this: SharedDict, key: string): LuaMultiReturn<[string | number | undefined, string?]>;
  set(
    this: SharedDict,
    key: string,
    value: string | number | undefined,
    seconds?: number,
  ): LuaMultiReturn<[boolean, string?, boolean?]>;
  add(this: SharedDict, key: string, value: string | number): LuaMultiReturn<[boolean, string?]>;
  safe_set(this: SharedDict, key: string, value: string | number): LuaMultiReturn<[boolean, string?]>;
  delete(this: SharedDict, key: string): void;
  incr(
    this: SharedDict,
    key: string,
    by: number,
    init?: number,
    initSeconds?: number,
  ): LuaMultiReturn<[number | undefined, string?, boolean?]>;
  free_space(this: SharedDict): number;
}

/** @noSelf */
interface NgxRequest {
  is_internal(): boolean;
  get_headers(max: number): Record<string, Nullable<string | string[]>>;
  clear_header(name: string): void;
  read_body(): void;
  discard_body(): void;
  get_body_data(): Nullable<string>;
}

/** @noSelf */
interface NgxWorker {
  id(): number;
  pid(): number;
  count(): number;
}

/** @noSelf */
interface NgxTimer {
  every(seconds: number, callback: (premature: boolean) => void): LuaMultiReturn<[boolean, string?]>;
}

/** @noSelf */
interface Ngx {
  readonly var: Record<string, Nullable<string>>;
  readonly header: Record<string, Nullable<string>>;
  readonly shared: Record<string, SharedDict>;
  status: number;
  readonly ERR: number;
  readonly NOTICE: number;
  readonly HTTP_OK: number;
  /** Seconds since the Unix epoch with milliseconds, from the time that nginx cached for this event loop turn. */
  now(): number;
  log(level: number, ...parts: readonly (string | number | undefined)[]): void;
  print(text: string): void;
  exit(status: number): void;
  exec(location: string): void;
  sleep(seconds: number): void;
  hmac_sha1(key: string, text: string): string;
  encode_base64(bytes: string, noPadding?: boolean): string;
  readonly req: NgxRequest;
  readonly worker: NgxWorker;
  readonly timer: NgxTimer;
}

declare const ngx: Ngx;

declare module "cjson.safe" {
  export function decode(this: void, text: string): LuaMultiReturn<[unknown, string?]>;
  export function encode(this: void, value: unknown): LuaMultiReturn<[string | undefined, string?]>;
  const nothing: unknown;
  export { nothing as null };
}

declare module "resty.core.base" {
  /** The address of the request that runs now (ngx_http_request_t), a cdata pointer; undefined outside of one. */
  export function get_request(): object | undefined;
}

declare module "ngx.balancer" {
  export function set_current_peer(
    this: void,
    address: string,
    port: number,
  ): LuaMultiReturn<[boolean | undefined, string?]>;
  export function set_more_tries(this: void, count: number): void;
  export function get_last_failure(this: void): Nullable<string>;
}
