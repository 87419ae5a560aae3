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
  add(
    this: SharedDict,
    key: string,
    value: string | number,
    seconds?: number,
  ): LuaMultiReturn<[boolean, string?]>;
  safe_set(
    this: SharedDict,
    key: string,
    value: string | number,
    seconds?: number,
  ): LuaMultiReturn<[boolean, string?]>;
  delete(this: SharedDict, key: string): void;
  incr(
    this: SharedDict,
    key: string,
    by: number,
    init?: number,
    initSeconds?: number,
  ): LuaMultiReturn<[number | undefined, string?, boolean?]>;
  /** The new length; undefined when there is no memory: lists push nothing out. */
  rpush(this: SharedDict, key: string, value: string | number): LuaMultiReturn<[number | undefined, string?]>;
  lpop(this: SharedDict, key: string): LuaMultiReturn<[string | number | undefined, string?]>;
  llen(this: SharedDict, key: string): LuaMultiReturn<[number | undefined, string?]>;
  free_space(this: SharedDict): number;
  /** Holds up all workers while it looks: for small dictionaries, and never on the way of a request. */
  get_keys(this: SharedDict, max: number): string[];
}

/** @noSelf */
interface NgxRequest {
  is_internal(): boolean;
  get_method(): string;
  set_header(name: string, value: string): void;
  get_headers(max: number): Record<string, Nullable<string | string[]>>;
  clear_header(name: string): void;
  read_body(): void;
  discard_body(): void;
  get_body_data(): Nullable<string>;
}

/** @noSelf */
interface NgxResponse {
  /** Names in lower case; several lines of a field are a list. */
  get_headers(max: number): Record<string, Nullable<string | string[]>>;
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
  readonly ERROR: number;
  /** Seconds since the Unix epoch with milliseconds, from the time that nginx cached for this event loop turn. */
  now(): number;
  /** The same in whole seconds. */
  time(): number;
  log(level: number, ...parts: readonly (string | number | undefined)[]): void;
  print(text: string | readonly string[]): void;
  exit(status: number): void;
  exec(location: string): void;
  sleep(seconds: number): void;
  md5_bin(text: string): string;
  crc32_short(text: string): number;
  hmac_sha1(key: string, text: string): string;
  decode_base64(text: string): Nullable<string>;
  encode_base64(bytes: string, noPadding?: boolean): string;
  readonly req: NgxRequest;
  readonly resp: NgxResponse;
  readonly config: { readonly nginx_version: number };
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
  /** Seconds; undefined keeps what nginx.conf says. */
  export function set_timeouts(
    this: void,
    connect: number | undefined,
    send: number | undefined,
    read: number | undefined,
  ): void;
  export function get_last_failure(this: void): Nullable<string>;
}

declare module "ngx.semaphore" {
  export type Semaphore = {
    /** Seconds. False or nothing: nobody posted in time. */
    wait(seconds: number): LuaMultiReturn<[Nullable<boolean>, string?]>;
    post(count: number): boolean;
    /** What was posted and not taken; below zero the number of those who wait. */
    count(): number;
  };
  function create(this: void, count: number): LuaMultiReturn<[Semaphore | undefined, string?]>;
  export { create as new };
}

declare module "ngx.ssl" {
  /** The name in SNI as the client wrote it; undefined for none. */
  export function server_name(this: void): LuaMultiReturn<[Nullable<string>, string?]>;
  /** The address as bytes, and its kind: "inet", "inet6" or "unix". */
  export function raw_client_addr(this: void): LuaMultiReturn<[Nullable<string>, string?]>;
  export function clear_certs(this: void): LuaMultiReturn<[boolean | undefined, string?]>;
  /** What these return lives as long as something refers to it. */
  export function parse_pem_cert(this: void, pem: string): LuaMultiReturn<[object | undefined, string?]>;
  export function parse_pem_priv_key(this: void, pem: string): LuaMultiReturn<[object | undefined, string?]>;
  export function set_cert(this: void, chain: object): LuaMultiReturn<[boolean | undefined, string?]>;
  export function set_priv_key(this: void, key: object): LuaMultiReturn<[boolean | undefined, string?]>;
}

/** LuaJIT's foreign function interface; values of C are objects that nothing is known of. */
declare module "ffi" {
  export function cdef(this: void, declarations: string): void;
  export function load(this: void, library: string): unknown;
  function create(this: void, type: string, first?: number[]): object;
  export { create as new };
  export function sizeof(this: void, type: string): number;
  export function copy(this: void, to: object, from: object, bytes: number): void;
  export function string(this: void, from: object, bytes: number): string;
}

declare module "jit.opt" {
  export function start(this: void, ...options: string[]): void;
}

/** LuaJIT's operations on 32-bit integers; results are signed. */
declare module "bit" {
  export function tobit(this: void, x: number): number;
  export function tohex(this: void, x: number): string;
  export function bor(this: void, ...xs: number[]): number;
  export function bxor(this: void, a: number, b: number): number;
  export function lshift(this: void, x: number, n: number): number;
  export function rshift(this: void, x: number, n: number): number;
}
