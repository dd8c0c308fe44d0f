/** Zip archives that say of themselves what a test wants them to say. */
import { crc32, deflateRawSync } from 'node:zlib';

export interface RawMember {
  name: string;
  bytes: Uint8Array;
  /** As it is in the archive; default: the bytes, deflated where the method is 8. */
  raw?: Uint8Array;
  method?: number;
  flags?: number;
  crc?: number;
  /** What the directory says; the member's own header says the same. */
  compressed?: number;
  uncompressed?: number;
  /** Where the directory finds it. */
  offset?: number;
  /** What its own header calls it. */
  localName?: string;
}

function words(...values: [number, 2 | 4][]): Buffer {
  return Buffer.concat(
    values.map(([value, size]) => {
      const bytes = Buffer.alloc(size);
      if (size === 2) bytes.writeUInt16LE(value);
      else bytes.writeUInt32LE(value >>> 0);
      return bytes;
    }),
  );
}

export function rawZip(members: readonly RawMember[]): Buffer {
  const pieces: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  const add = (piece: Uint8Array): void => {
    pieces.push(Buffer.from(piece));
    at += piece.length;
  };
  for (const member of members) {
    const { name, bytes, method = 0, flags = 0, offset = at, localName = name } = member;
    const raw = member.raw ?? (method === 8 ? deflateRawSync(bytes) : bytes);
    const { crc = crc32(bytes), compressed = raw.length, uncompressed = bytes.length } = member;
    const common = (length: number): Buffer =>
      words(
        [20, 2],
        [flags, 2],
        [method, 2],
        [0, 2],
        [0x21, 2],
        [crc, 4],
        [compressed, 4],
        [uncompressed, 4],
        [length, 2],
        [0, 2],
      );
    const own = Buffer.from(localName);
    add(words([0x04034b50, 4]));
    add(common(own.length));
    add(own);
    add(raw);
    const listed = Buffer.from(name);
    directory.push(
      words([0x02014b50, 4], [20, 2]),
      common(listed.length),
      words([0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]),
      listed,
    );
  }
  const central = Buffer.concat(directory);
  const count = members.length;
  const end = words([0x06054b50, 4], [0, 2], [0, 2], [count, 2], [count, 2], [central.length, 4], [at, 4], [0, 2]);
  return Buffer.concat([...pieces, central, end]);
}
