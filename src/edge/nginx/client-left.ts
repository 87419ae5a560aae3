/**
 * Whether the client of the request that runs now has hung up. nginx does not look while a request waits in Lua, and who has left must not keep a turn from
 * those who still wait. The socket is asked whether its other side is shut (poll(2), POLLRDHUP), which is what nginx itself takes for an end;
 * of an HTTP/2 stream nginx has noted it. Where nginx's memory has another form than the known one, nobody is taken to have left.
 */
import { band } from "bit";
import * as ffi from "ffi";
import { canRead, runningRequest } from "./plain-request.ts";

ffi.cdef(`
typedef struct { int32_t fd; int16_t asked; int16_t found; } parapet_poll_t;
int poll(parapet_poll_t *sockets, unsigned long count, int milliseconds);
`);

const POLLERR_HUP_RDHUP = 0x2018;
const POLLRDHUP = 0x2000;
/** The bit of ngx_connection_t's flags that is called error. */
const ERROR = 0x1000;

const socket = ffi.new("parapet_poll_t") as { fd: number; asked: number; readonly found: number };

export function hasLeft(): boolean {
  if (!canRead()) return false;
  const { connection } = runningRequest();
  // Proves that the flags lie where they are read.
  if (string.format("%d", connection.number) !== ngx.var["connection"]) return false;
  if (band(connection.flags, ERROR) !== 0) return true;
  socket.fd = connection.fd;
  socket.asked = POLLRDHUP;
  return ffi.C.poll(socket, 1, 0) > 0 && band(socket.found, POLLERR_HUP_RDHUP) !== 0;
}
