/** A Docker Hub of 30 names in which a good part goes wrong, and what is to be found in it. */
import type { Asked } from './hub-request.ts';
import type { Fault, HubOptions, ServedRepository } from './hub-server.ts';
import { schema1, smallImage, smallIndex } from './small-images.ts';

/** What a complete crawl of it gives. */
export interface HubWorld {
  readonly options: HubOptions;
  /** `repository digest` of each image. */
  readonly images: readonly string[];
  /** Names that give a problem and no image. */
  readonly failing: readonly string[];
  /** GETs of manifests of one crawl without a kill. */
  readonly pulls: number;
}

const COUNT = 30;
export const PAGE_SIZE = 7;

/** Answers that go wrong once for some URLs: the server is never out of order for long. */
function transient({ kind, method, name, before }: Asked): Fault {
  if (before > 0) return undefined;
  const number = Number(/(\d+)$/.exec(name)?.[1] ?? -1);
  if (kind === 'manifest' && method === 'GET' && number % 7 === 1) return { cutAfter: 20 };
  if (kind === 'manifest' && method === 'HEAD' && number % 7 === 2) return { status: 500 };
  return undefined;
}

/** Makes it. Images of odd names are indexes, so they take two pulls. */
export function makeHubWorld(): HubWorld {
  const repositories: ServedRepository[] = [];
  const images: string[] = [];
  const failing: string[] = [];
  let pulls = 0;
  for (let i = 0; i < COUNT; i++) {
    const name = i % 10 === 0 ? `library/official${i}` : `user${i % 4}/app${i}`;
    const common = { name, pulls: 3 ** (i % 20), stars: i };
    const image = smallImage(`hub ${i}`);
    if (i % 10 === 3) {
      repositories.push({ ...common, tags: { v1: image } });
      failing.push(name);
    } else if (i % 10 === 6) {
      repositories.push({ ...common, tags: { latest: schema1(name) } });
      failing.push(name);
    } else if (i % 10 === 8) {
      repositories.push({ ...common, tags: { latest: image }, isPrivate: true });
      failing.push(name);
    } else {
      const isIndex = i % 2 === 1;
      const index = smallIndex([
        { manifest: image, platform: { os: 'linux', architecture: 'amd64' } },
        {
          manifest: smallImage(`hub ${i}`, { architecture: 'arm64' }),
          platform: { os: 'linux', architecture: 'arm64' },
        },
      ]);
      repositories.push({ ...common, tags: { latest: isIndex ? index : image } });
      images.push(`${name} ${image.digest}`);
      pulls += isIndex ? 2 : 1;
    }
  }
  const names = repositories.map(({ name }) => name);
  // Each page but the first begins with the last name of the one before.
  const listing = names.flatMap((name, i) =>
    i > 0 && i % 6 === 0 ? [names[i - 1]!, name] : [name],
  );
  const options: HubOptions = {
    repositories,
    listing,
    auth: 'token',
    user: { username: 'me', password: 'secret' },
    fault: transient,
  };
  return { options, images: images.sort(), failing: failing.sort(), pulls };
}
