/** The Markdown documents of the repository, taken apart as far as the tests need it. */
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';

/** Folder of the repository. */
export const ROOT = resolve(import.meta.dirname, '../..');

/** Not ours, or made by a run. */
const SKIPPED = new Set(['node_modules', 'dist', 'data', 'coverage']);

/** A document. */
export interface Document {
  /** Path from the root of the repository, with slashes. */
  readonly path: string;
  readonly text: string;
  /** The same without code, neither blocks nor spans. */
  readonly prose: string;
}

const BLOCK = /^ *```(\w*)\n([\s\S]*?)^ *```$/gm;

function withoutCode(text: string): string {
  return text.replace(BLOCK, '').replace(/`[^`\n]*`/g, '');
}

async function findMarkdown(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.name.startsWith('.') || SKIPPED.has(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) found.push(...(await findMarkdown(path)));
    else if (entry.name.endsWith('.md')) found.push(path);
  }
  return found;
}

/** Reads one document by its path from the root. */
export async function readDocument(path: string): Promise<Document> {
  const text = await readFile(join(ROOT, path), 'utf8');
  return { path, text, prose: withoutCode(text) };
}

/** Reads all documents. */
export async function readDocuments(): Promise<Document[]> {
  const paths = await findMarkdown(ROOT);
  return await Promise.all(paths.map((path) => readDocument(relative(ROOT, path))));
}

/** The blocks of code in a language, without the spaces that a list puts before them. */
export function blocksOf({ text }: Document, language: string): string[] {
  return [...text.matchAll(BLOCK)]
    .filter(([, name]) => name === language)
    .map(([, , body]) => {
      const indent = /^ */.exec(body!)![0].length;
      return body!.replaceAll(new RegExp(`^ {${indent}}`, 'gm'), '');
    });
}

/** What stands between backticks, outside of blocks. */
export function spansOf({ text }: Document): string[] {
  return [...text.replace(BLOCK, '').matchAll(/`([^`\n]+)`/g)].map(([, span]) => span!);
}

/** The first cell of every row of every table. */
export function firstCellsOf({ text }: Document): string[] {
  return [...text.matchAll(/^\| ([^|]*?) \|/gm)].map(([, cell]) => cell!);
}

/** The anchors that GitHub makes of a document's headings. */
export function anchorsOf({ text }: Document): Set<string> {
  const anchors = new Set<string>();
  const headings = text.replace(BLOCK, '').matchAll(/^#{1,6} (.+)$/gm);
  for (const [, heading] of headings) {
    const kept = heading!.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, '');
    const slug = kept.trim().replaceAll(' ', '-');
    let anchor = slug;
    for (let i = 1; anchors.has(anchor); i++) anchor = `${slug}-${i}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** Where a document's links and pictures lead to; addresses of other sites are left out. */
export function localLinksOf({ prose }: Document): string[] {
  const links = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!);
  return links.filter((link) => !/^(https?|mailto):/.test(link));
}
