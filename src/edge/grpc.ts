/** Is this a call that only HTTP/2 can carry to its origin? gRPC names itself in Content-Type (its HTTP/2 specification, "Requests"). */

export function isGrpc(contentType: string): boolean {
  const name = "application/grpc";
  if (contentType.substring(0, name.length).toLowerCase() !== name) return false;
  const after = contentType.substring(name.length, name.length + 1);
  return after === "" || after === "+" || after === ";";
}
