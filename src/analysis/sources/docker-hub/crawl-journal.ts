/**
 * What a crawl of Docker Hub keeps, so that one that was killed goes on where it was: the listing page
 * by page, the sample, and for each name what became of it, with its images whole, so that no
 * manifest has to be pulled again.
 */
import { z } from 'zod';
import { isDigest } from '../../../oci/digest.ts';
import { type Journal, openJournal } from '../../journal.ts';
import { SourceError } from '../errors.ts';
import type { SourceImage, SourceLayer } from '../types.ts';
import type { ListedName } from './listing.ts';
import type { Sample } from './sample.ts';

const FORMAT = 'stowage-docker-hub/1';

const digest = z.string().refine(isDigest);
const count = z.int().min(0);

const listedName = z.object({ name: z.string(), pulls: count, stars: count });

const layer = z
  .object({
    digest,
    diffId: digest.optional(),
    size: count.optional(),
    mediaType: z.string(),
  })
  .transform(
    (raw): SourceLayer => ({
      id: raw.digest,
      digest: raw.digest,
      diffId: raw.diffId,
      size: raw.size,
      mediaType: raw.mediaType,
    }),
  );

const image = z
  .object({
    repository: z.string(),
    tag: z.string().optional(),
    digest,
    platform: z
      .object({ os: z.string(), architecture: z.string(), variant: z.string() })
      .optional(),
    layers: z.array(layer),
    created: z.number().optional(),
    pulls: count.optional(),
    stars: count.optional(),
  })
  .transform(
    (raw): SourceImage => ({
      repository: raw.repository,
      tag: raw.tag,
      digest: raw.digest,
      platform: raw.platform,
      layers: raw.layers,
      created: raw.created,
      pulls: raw.pulls,
      stars: raw.stars,
    }),
  );

const stratum = z.object({ from: count, to: count, names: count, sampled: count });

const entry = z.discriminatedUnion('type', [
  /** The first line: what the journal is of. */
  z.object({ type: z.literal('begin'), format: z.literal(FORMAT), crawl: z.string() }),
  z.object({
    type: z.literal('page'),
    page: z.int().min(1),
    isLast: z.boolean(),
    names: z.array(listedName),
  }),
  z.object({
    type: z.literal('sample'),
    /** When the frame was complete, ISO 8601. */
    at: z.string(),
    pages: count,
    /** Pages that could not be had; the frame lacks them. */
    failedPages: z.array(z.object({ page: count, reason: z.string() })),
    frame: count,
    strata: z.array(stratum),
    names: z.array(listedName),
  }),
  z.object({
    type: z.literal('name'),
    name: z.string(),
    images: z.array(image),
    problems: z.array(
      z.object({ what: z.string(), reason: z.string(), isLeftOut: z.literal(true).optional() }),
    ),
    artifacts: count,
  }),
]);

/** A line of the journal. */
export type CrawlEntry = z.infer<typeof entry>;
/** What became of a name. */
export type NameEntry = Extract<CrawlEntry, { type: 'name' }>;
/** The sample and its frame. */
export type SampleEntry = Extract<CrawlEntry, { type: 'sample' }> & Sample;

/** What is known when a crawl begins or goes on. */
export interface CrawlState {
  /** Names of the pages that were had; empty once the sample is drawn. */
  readonly pages: Map<number, { readonly names: readonly ListedName[]; readonly isLast: boolean }>;
  sample: SampleEntry | undefined;
  /** Names of the sample that are done with. */
  readonly done: Set<string>;
}

/** An open journal and what it says. */
export interface Crawl {
  readonly journal: Journal<CrawlEntry>;
  readonly state: CrawlState;
}

/**
 * Opens the journal of a crawl, or begins one.
 * @param crawl - all options on which the outcome depends, as text
 * @throws SourceError when it is the journal of another crawl
 * @throws JournalError
 */
export async function openCrawl(path: string, crawl: string): Promise<Crawl> {
  const journal = await openJournal(path, (value) => entry.safeParse(value).data);
  try {
    const state: CrawlState = { pages: new Map(), sample: undefined, done: new Set() };
    let begun = false;
    for await (const line of journal.entries()) {
      if (line.type === 'begin') {
        begun = true;
        if (line.crawl !== crawl) {
          throw new SourceError(
            `${path} is the journal of a crawl with other options: ${line.crawl}; take another folder`,
          );
        }
      } else if (line.type === 'page') state.pages.set(line.page, line);
      else if (line.type === 'sample') {
        state.sample = line;
        state.pages.clear();
      } else state.done.add(line.name);
    }
    if (!begun && (state.sample !== undefined || state.pages.size > 0 || journal.ignored > 0)) {
      throw new SourceError(`${path} is no journal of a crawl; take another folder`);
    }
    if (!begun) await journal.append({ type: 'begin', format: FORMAT, crawl });
    return { journal, state };
  } catch (error) {
    await journal.close();
    throw error;
  }
}
