/** What `plain-request.ts` reads of nginx's memory, as declared to LuaJIT there. A null pointer compares equal to nil. */
type PlainText = { readonly len: number; readonly data: BytePointer };
type PlainLine = { readonly hash: number; readonly key: PlainText; readonly value: PlainText };
type PlainLines = { readonly [index: number]: PlainLine };
/** `length`: 28 bits of it, and flags above. */
type PlainValue = { length: number; data: BytePointer };
type PlainRequest = {
  readonly pool: object;
  readonly values: { readonly [index: number]: PlainValue };
  readonly signature: number;
  readonly connection: {
    readonly sockaddr: BytePointer;
    readonly fd: number;
    /** The lower 32 bits of nginx's $connection. */
    readonly number: number;
    readonly flags: number;
  };
  readonly headers: {
    readonly lines: PlainLines;
    readonly count: number;
    readonly more: object | undefined;
    readonly size: number;
    readonly room: number;
  };
  readonly buffer: { readonly pos: BytePointer };
  readonly host: PlainLine | undefined;
  readonly content_length: PlainLine | undefined;
  readonly transfer_encoding: PlainLine | undefined;
  readonly server: PlainText;
  readonly method: number;
  readonly http_version: number;
  readonly request_line: PlainText;
  readonly uri: PlainText;
  readonly exten: PlainText;
  readonly unparsed_uri: PlainText;
  readonly http_protocol: PlainText;
  readonly schema: PlainText;
};

declare module "ffi" {
  const C: {
    memchr(this: void, bytes: BytePointer, byte: number, length: number): object | undefined;
    strcspn(this: void, text: BytePointer, reject: string): number;
    ngx_pnalloc(this: void, pool: object, bytes: number): object;
    readonly ngx_cycle: EdgeCycle;
    readonly ngx_current_msec: number;
    poll(this: void, sockets: object, count: number, milliseconds: number): number;
    shutdown(this: void, fd: number, how: number): number;
    getsockopt(this: void, fd: number, level: number, name: number, value: object, length: object): number;
    setsockopt(this: void, fd: number, level: number, name: number, value: object, length: number): number;
  };
  export { C };
  type PlainType = { readonly __plain: true };
  function typeOf(this: void, type: "parapet_plain_t *"): PlainType;
  export { typeOf as typeof };
  type BytesType = { readonly __bytes: true };
  type PairsType = { readonly __pairs: true };
  type WordsType = { readonly __words: true };
  type AddressType = { readonly __address: true };
  function typeOf(this: void, type: "uint8_t *"): BytesType;
  function typeOf(this: void, type: "uint16_t *"): PairsType;
  function typeOf(this: void, type: "const uint32_t *"): WordsType;
  function typeOf(this: void, type: "uintptr_t"): AddressType;
  export function cast(this: void, type: BytesType, value: object): BytePointer;
  export function cast(this: void, type: PairsType, value: object): { [index: number]: number };
  export function copy(this: void, to: object | BytePointer, from: string, bytes: number): void;
  export function cast(this: void, type: PlainType, value: object | undefined): PlainRequest;
}
