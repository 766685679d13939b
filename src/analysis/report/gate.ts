/** The gate of a pipeline: images that waste more than is allowed do not pass. */
import { printableName } from '../../lib/format.ts';
import type { AnalysisReport } from '../metrics/schema.ts';
import { showBytes, showNumberOf, showShare } from './units.ts';

/** What is allowed; a limit that is left out is not looked at. */
export interface GateLimits {
  /** Bytes of files that a higher layer replaces or deletes. */
  readonly maxWastedBytes?: number | undefined;
  /** The same as a share of the bytes of all files of the image, from 0 to 1. */
  readonly maxWastedShare?: number | undefined;
  /** By dive's formula, from 0 to 1. */
  readonly minEfficiency?: number | undefined;
}

/** One limit held against one image. */
export interface GateCheck {
  readonly limit: 'max-wasted' | 'max-wasted-percent' | 'min-efficiency';
  readonly passed: boolean;
  /** For people, for example `60.2 MB wasted, 50.0 MB allowed`. */
  readonly message: string;
}

/** All limits held against one image. */
export interface GateImage {
  readonly image: string;
  readonly passed: boolean;
  readonly checks: readonly GateCheck[];
  /** Where the bytes are that it wastes. */
  readonly worstPaths: ImageWaste['worstPaths'];
}

/** What came out. */
export interface GateResult {
  readonly passed: boolean;
  readonly images: readonly GateImage[];
  /** Why nothing, or not everything, was looked at. What was not looked at does not pass. */
  readonly unchecked: readonly { readonly what: string; readonly reason: string }[];
}

/** What one image wastes. */
export type ImageWaste = AnalysisReport['waste']['images'][number];

function checksOf(image: ImageWaste, limits: GateLimits): GateCheck[] {
  const { maxWastedBytes, maxWastedShare, minEfficiency } = limits;
  const { bytes, wastedBytes, efficiency } = image;
  const share = bytes === 0 ? 0 : wastedBytes / bytes;
  const checks: GateCheck[] = [];
  if (maxWastedBytes !== undefined) {
    checks.push({
      limit: 'max-wasted',
      passed: wastedBytes <= maxWastedBytes,
      message: `${showBytes(wastedBytes)} wasted (${wastedBytes} bytes), ${showBytes(maxWastedBytes)} allowed`,
    });
  }
  if (maxWastedShare !== undefined) {
    checks.push({
      limit: 'max-wasted-percent',
      passed: share <= maxWastedShare,
      message: `${showShare(share)} wasted, ${showShare(maxWastedShare)} allowed`,
    });
  }
  if (minEfficiency !== undefined) {
    checks.push({
      limit: 'min-efficiency',
      passed: efficiency >= minEfficiency,
      message: `efficiency ${efficiency.toFixed(4)}, at least ${minEfficiency} wanted`,
    });
  }
  return checks;
}

/**
 * Holds every image of a report against the limits. A report without images does not pass, nor does
 * one of which something could not be read: nobody would notice that nothing was looked at.
 */
export function checkGate(report: AnalysisReport, limits: GateLimits): GateResult {
  const images = report.waste.images.map((image): GateImage => {
    const checks = checksOf(image, limits);
    const { image: name, worstPaths } = image;
    return { image: name, passed: checks.every(({ passed }) => passed), checks, worstPaths };
  });
  const none =
    images.length > 0
      ? []
      : [{ what: 'images', reason: 'there is no image to look at in what was read' }];
  const unchecked = [...none, ...report.problems];
  return {
    passed: unchecked.length === 0 && images.every(({ passed }) => passed),
    images,
    unchecked,
  };
}

/** What an image wastes most by, a line each, for example `  12.0 MB in 2 copies of usr/bin/tool, replaced`. */
export function worstLines({ worstPaths }: GateImage): string[] {
  return worstPaths.map(({ path, bytes, copies, isDeleted }) => {
    const what = `${showNumberOf(copies, 'copy')} of ${printableName(path)}`;
    return `  ${showBytes(bytes)} in ${what}, ${isDeleted ? 'deleted' : 'replaced'}`;
  });
}

/** What came out, in a few lines for a log: images that do not pass, with the worst of each, and a last word. */
export function gateText({ passed, images, unchecked }: GateResult): string {
  const failed = images.filter((image) => !image.passed);
  const lines = [
    ...unchecked.map(
      ({ what, reason }) => `not checked: ${printableName(what)}: ${printableName(reason)}`,
    ),
    ...failed.flatMap((image) => [
      ...image.checks
        .filter((check) => !check.passed)
        .map(({ limit, message }) => `${printableName(image.image)}: --${limit}: ${message}`),
      ...worstLines(image),
    ]),
    `${passed ? 'passed' : 'failed'}: ${showNumberOf(images.length, 'image')} checked, ${failed.length} over the limits`,
  ];
  return `${lines.join('\n')}\n`;
}
