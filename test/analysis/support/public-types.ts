/** Which types the signatures of a module's exports name. */
import { relative } from 'node:path';
import ts from 'typescript';

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ESNext,
  module: ts.ModuleKind.NodeNext,
  allowImportingTsExtensions: true,
  noEmit: true,
  strict: true,
  types: ['node'],
};

/** What whoever uses a declaration does not see: bodies, and what is private. */
function isHidden(node: ts.Node): boolean {
  return (
    ts.isBlock(node) ||
    (ts.isClassElement(node) && node.name?.kind === ts.SyntaxKind.PrivateIdentifier)
  );
}

/**
 * Types of a folder that exports of a module name in their signatures, and that cannot be imported from
 * the module, each with the export that names it.
 */
export function unreachableTypes(module: string, folder: string): string[] {
  const program = ts.createProgram([module], OPTIONS);
  const checker = program.getTypeChecker();
  const resolve = (symbol: ts.Symbol): ts.Symbol =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const exported = checker
    .getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(module)!)!)
    .map(resolve);
  const found = new Set<string>();

  function look(node: ts.Node, by: string): void {
    if (isHidden(node)) return;
    const name = ts.isTypeReferenceNode(node) ? node.typeName : undefined;
    const symbol = name && checker.getSymbolAtLocation(name);
    if (symbol !== undefined) {
      const target = resolve(symbol);
      const isParameter = (target.flags & ts.SymbolFlags.TypeParameter) !== 0;
      const isOurs = target.declarations?.some(
        (declaration) => !relative(folder, declaration.getSourceFile().fileName).startsWith('..'),
      );
      if (!isParameter && isOurs && !exported.includes(target))
        found.add(`${target.name}, of ${by}`);
    }
    ts.forEachChild(node, (child) => {
      const isValue = ts.isVariableDeclaration(node) && child === node.initializer;
      if (!isValue) look(child, by);
    });
  }

  for (const symbol of exported) {
    for (const declaration of symbol.declarations ?? []) look(declaration, symbol.name);
  }
  return [...found].sort();
}
