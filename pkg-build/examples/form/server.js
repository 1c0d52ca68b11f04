import { createServer } from "node:http";
import { Readable } from "node:stream";
import sirv from "sirv";

const files = sirv(".", { dev: true });

const server = createServer(async (request, response) => {
  if (request.method !== "POST") return files(request, response);
  const body = new Response(Readable.toWeb(request), { headers: { "content-type": request.headers["content-type"] } });
  const form = await body.formData();
  const photograph = form.get("photograph");
  console.log(`${form.get("title")}: ${photograph.name}, ${photograph.size} bytes`);
  response.writeHead(200, { "content-type": photograph.type });
  response.end(Buffer.from(await photograph.arrayBuffer()));
});

server.listen(process.env.PORT ?? 8080, () => console.log(`http://localhost:${server.address().port}/`));
