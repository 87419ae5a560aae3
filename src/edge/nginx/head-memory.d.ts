/** What the judge of heads reads of nginx's memory, as declared to LuaJIT in `head.ts`. Pointers are numbers that can be indexed. */
type BytePointer = number & { readonly [index: number]: number };
type NginxText = { readonly len: number; readonly data: BytePointer };
type NginxField = { readonly key: NginxText; readonly value: NginxText };
type NginxPart = {
  readonly elts: NginxFields;
  readonly nelts: number;
  readonly next: NginxPart | undefined;
};
type NginxFields = { readonly [index: number]: NginxField };
type NginxRequest = {
  readonly signature: number;
  readonly header_in: { readonly pos: BytePointer; readonly start: BytePointer };
  readonly headers: { readonly part: NginxPart; readonly size: number };
  /** Bit fields of headers_in: two bits of connection_type, then chunked. */
  readonly marks: number;
  http_version: number;
  readonly request_line: NginxText;
  readonly main: NginxRequest;
};

declare module "ffi" {
  export function cast(this: void, type: "parapet_request_t *", value: object | undefined): NginxRequest;
  export function cast(
    this: void,
    type: "parapet_lines_t *",
    value: object,
  ): { readonly lines: PlainLines; readonly count: number; readonly more: object | undefined };
  export function cast(this: void, type: "const uint64_t *", value: BytePointer): BytePointer;
  export function string(this: void, from: BytePointer, bytes: number): string;
}

declare module "bit" {
  export function band(this: void, a: number, b: number): number;
}
