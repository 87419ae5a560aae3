/** What `connections.ts` reads of nginx's connections, as declared to LuaJIT there. A null pointer compares equal to nil. */
type EdgeConnection = {
  readonly read: BytePointer;
  readonly write: BytePointer;
  readonly fd: number;
  readonly listening: { readonly sockaddr: BytePointer } | undefined;
  readonly log: { readonly action: BytePointer | undefined };
  readonly sockaddr: BytePointer | undefined;
  /** The lower 32 bits of nginx's $connection, of the moment it began in milliseconds, and how many requests came over it. */
  readonly number: number;
  readonly start: number;
  readonly requests: number;
};
type EdgeCycle = {
  readonly free_connection_n: number;
  readonly connection_n: number;
  readonly connections: { readonly [index: number]: EdgeConnection };
  readonly read_events: BytePointer;
  readonly write_events: BytePointer;
};
type TcpInfo = {
  readonly acked: number;
  readonly received: number;
  readonly unsent: number;
};

declare module "ffi" {
  export function cast(this: void, type: WordsType, value: BytePointer): { readonly [index: number]: number };
  export function cast(this: void, type: AddressType, value: BytePointer): number;
}
