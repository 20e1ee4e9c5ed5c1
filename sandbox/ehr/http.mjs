// Small pieces of HTTP that node:http leaves to us.
const MAX_BODY_BYTES = 32 * 1024 * 1024; // a Synthea patient is below 1 MiB

/** The whole body of a request as text. */
export async function readBody(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new Error('request body is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

export function sendJson(response, status, document) {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(document));
}

export function redirect(response, location) {
  response.writeHead(303, { location, 'cache-control': 'no-store' });
  response.end();
}

/** Blanks without an end in sight: a body that a careful reader stops reading. */
export async function sendPadded(response, bytes) {
  const blanks = Buffer.alloc(256 * 1024, ' ');
  for (let sent = 0; sent < bytes && !response.destroyed; sent += blanks.length) {
    if (!response.write(blanks)) await new Promise((go) => { response.once('drain', go).once('close', go); });
  }
  response.end();
}
