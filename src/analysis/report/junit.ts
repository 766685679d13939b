/** The gate's result for build servers, which all read JUnit's XML. */
import { type GateResult, worstLines } from './gate.ts';
import { html, type Markup } from './markup.ts';

function testCase(name: string, check: string, trouble: Markup | undefined): Markup {
  return html`  <testcase classname="${name}" name="${check}">${trouble}</testcase>\n`;
}

/** One case for each image and limit; what was not checked is an error. */
export function gateJUnit({ images, unchecked }: GateResult): string {
  const checks = images.flatMap((image) => image.checks);
  const failures = checks.filter(({ passed }) => !passed).length;
  const cases = images.flatMap((image) => {
    const worst = worstLines(image).map((line) => html`\n${line}`);
    return image.checks.map(({ limit, passed, message }) =>
      testCase(
        image.image,
        limit,
        passed ? undefined : html`<failure message="${message}">${worst}</failure>`,
      ),
    );
  });
  const errors = unchecked.map(({ what, reason }) =>
    testCase(what, 'could be read', html`<error message="${reason}"/>`),
  );
  return html`<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="stowage analyze" tests="${cases.length + errors.length}" failures="${failures}" errors="${errors.length}">
${cases}${errors}</testsuite>
`.toString();
}
