/** ZIP archives in the making, on the worker's side: the entries stay Blobs. */

import { codeOf, failure } from "./failure.js";

/** @typedef {import("../engine/cpu/autochrome.js").ArchiveWriter} ArchiveWriter */

/** @type {Map<number, { writer: ArchiveWriter, entries: Blob[] }>} */
const archives = new Map();
let last = 0;

/** @param {number} id */
function archiveOf(id) {
  const archive = archives.get(id);
  if (!archive) throw failure("invalid-argument", "This archive is finished. Begin another.");
  return archive;
}

/** @param {ArchiveWriter} writer */
export function openArchive(writer) {
  archives.set(++last, { writer, entries: [] });
  return last;
}

/**
 * Adds a file. Its bytes are read once, for their checksum.
 *
 * @param {{ archive: number, name: string, blob: Blob }} entry
 * @param {() => boolean} stopped
 */
export async function addToArchive({ archive, name, blob }, stopped) {
  const { writer, entries } = archiveOf(archive);
  writer.begin(name, blob.size, new Date());
  try {
    const pieces = blob.stream().getReader();
    for (let piece = await pieces.read(); !piece.done; piece = await pieces.read()) {
      if (stopped()) throw failure("aborted", "Stopped.");
      writer.append(piece.value);
    }
  } catch (error) {
    writer.abandon();
    if (codeOf(error)) throw error;
    throw failure(
      "invalid-argument",
      `${name} could not be read again (${error instanceof Error ? error.message : error}). Add it once more.`,
    );
  }
  entries.push(blob);
}

/** The archive as one Blob, made of the entries and what stands between them. @param {number} id */
export function finishArchive(id) {
  const { writer, entries } = archiveOf(id);
  archives.delete(id);
  const [head, ...after] = writer.finish();
  return new Blob([head, ...entries.flatMap((entry, i) => [entry, after[i]])], { type: "application/zip" });
}

/** Forgets an archive. @param {number} id */
export function dropArchive(id) {
  archives.get(id)?.writer.free();
  archives.delete(id);
}
