import fc from 'fast-check';
import { DOMParser } from 'linkedom';
import { describe, expect, it } from 'vitest';
import type { AnalysisReport } from '../../../src/analysis/metrics/schema.ts';
import { checkGate, gateText } from '../../../src/analysis/report/gate.ts';
import { gateJUnit } from '../../../src/analysis/report/junit.ts';
import { escapeText } from '../../../src/analysis/report/markup.ts';
import { emptyReport } from './edge-reports.ts';
import { hostileText } from './hostile.ts';

type ImageWaste = AnalysisReport['waste']['images'][number];

function imageOf(image: string, wastedBytes: number, efficiency: number): ImageWaste {
  const rest = { metadataOnlyBytes: 0, deletedBytes: 0, uniqueBytes: 0, sharedBytes: 0 };
  const bytes = 100_000_000;
  const worstPaths = [
    { path: `usr/bin/${image}`, bytes: wastedBytes, copies: 2, isDeleted: false },
    { path: 'tmp/cache', bytes: 10, copies: 1, isDeleted: true },
  ];
  return {
    image,
    bytes,
    visibleBytes: bytes - wastedBytes,
    wastedBytes,
    efficiency,
    worstPaths,
    ...rest,
  };
}

function reportOf(...images: ImageWaste[]): AnalysisReport {
  const report = emptyReport();
  return { ...report, waste: { ...report.waste, images } };
}

describe('the gate', () => {
  it.each([
    ['bytes', { maxWastedBytes: 50_000_000 }],
    ['a share', { maxWastedShare: 0.5 }],
    ['efficiency', { minEfficiency: 0.9 }],
  ])('lets through what is at the limit, and nothing beyond: %s', (_, limits) => {
    const at = checkGate(reportOf(imageOf('a:1', 50_000_000, 0.9)), limits);
    expect(at).toMatchObject({ passed: true, images: [{ passed: true, checks: [{}] }] });
    const beyond = checkGate(reportOf(imageOf('a:1', 50_000_001, 0.8999)), limits);
    expect(beyond).toMatchObject({ passed: false, images: [{ passed: false }] });
  });

  it('fails with one image of many, and says which and why', () => {
    const images = [imageOf('good:1', 0, 1), imageOf('bad:1', 60_000_000, 0.4)];
    const result = checkGate(reportOf(...images), { maxWastedBytes: 50e6, minEfficiency: 0.9 });
    expect(result.passed).toBe(false);
    expect(gateText(result)).toBe(
      'bad:1: --max-wasted: 60.0 MB wasted (60000000 bytes), 50.0 MB allowed\n' +
        'bad:1: --min-efficiency: efficiency 0.4000, at least 0.9 wanted\n' +
        '  60.0 MB in 2 copies of usr/bin/bad:1, replaced\n' +
        '  10 B in 1 copy of tmp/cache, deleted\n' +
        'failed: 2 images checked, 1 over the limits\n',
    );
  });

  it('does not pass when nothing was looked at, or not everything', () => {
    expect(checkGate(reportOf(), { minEfficiency: 0 }).passed).toBe(false);
    const report = reportOf(imageOf('a:1', 0, 1));
    report.problems.push({ what: 'b:1', reason: 'cut off' });
    const result = checkGate(report, { minEfficiency: 0.9 });
    expect(result.passed).toBe(false);
    expect(gateText(result)).toContain('not checked: b:1: cut off');
  });

  it('takes an image of no bytes for one that wastes nothing', () => {
    const image = { ...imageOf('a:1', 0, 1), bytes: 0 };
    expect(checkGate(reportOf(image), { maxWastedShare: 0 }).passed).toBe(true);
  });
});

describe('the gate as JUnit', () => {
  it('has a case for each image and limit, with failures and errors counted', () => {
    const report = reportOf(imageOf('good:1', 0, 1), imageOf('bad:1', 60_000_000, 0.4));
    report.problems.push({ what: 'c:1', reason: 'cut off' });
    const result = checkGate(report, { maxWastedBytes: 50e6, minEfficiency: 0.9 });
    expect(gateJUnit(result)).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="stowage analyze" tests="5" failures="2" errors="1">
  <testcase classname="good:1" name="max-wasted"></testcase>
  <testcase classname="good:1" name="min-efficiency"></testcase>
  <testcase classname="bad:1" name="max-wasted"><failure message="60.0 MB wasted (60000000 bytes), 50.0 MB allowed">
  60.0 MB in 2 copies of usr/bin/bad:1, replaced
  10 B in 1 copy of tmp/cache, deleted</failure></testcase>
  <testcase classname="bad:1" name="min-efficiency"><failure message="efficiency 0.4000, at least 0.9 wanted">
  60.0 MB in 2 copies of usr/bin/bad:1, replaced
  10 B in 1 copy of tmp/cache, deleted</failure></testcase>
  <testcase classname="c:1" name="could be read"><error message="cut off"/></testcase>
</testsuite>
`);
  });

  it('stays what it is whatever images and problems are called', () => {
    fc.assert(
      fc.property(hostileText, hostileText, (image, reason) => {
        const report = reportOf(imageOf(image, 1, 0));
        report.problems.push({ what: image, reason });
        const xml = gateJUnit(checkGate(report, { minEfficiency: 0.9 }));
        const document = new DOMParser().parseFromString(xml, 'text/xml');
        const cases = [...document.querySelectorAll('testcase')];
        expect(cases.map((one) => one.children.length)).toEqual([1, 1]);
        expect(xml.split(`classname="${escapeText(image)}"`).length).toBe(3);
        expect(xml).toContain(`<error message="${escapeText(reason)}"/>`);
      }),
    );
  });
});
