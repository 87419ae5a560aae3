/** What `plain-request.ts` reads of nginx's memory, as declared to LuaJIT there. A null pointer compares equal to nil. */
type PlainText = { readonly len: number; readonly data: BytePointer };
type PlainLine = { readonly hash: number; readonly key: PlainText; readonly value: PlainText };
type PlainLines = { readonly [index: number]: PlainLine };
type PlainRequest = {
  readonly signature: number;
  readonly connection: { readonly sockaddr: BytePointer };
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
  };
  export { C };
  type PlainType = { readonly __plain: true };
  function typeOf(this: void, type: "parapet_plain_t *"): PlainType;
  export { typeOf as typeof };
  export function cast(this: void, type: PlainType, value: object | undefined): PlainRequest;
}
