/** What a module exports, as the compiler sees it. */
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

/** A module and its exports. */
export interface PublicModule {
  /**
   * Types of a folder that exports name in their signatures, and that cannot be imported from the
   * module, each with the export that names it.
   */
  unreachableTypes(folder: string): string[];
  /** Names of the properties of an exported type. */
  propertiesOf(type: string): string[];
}

/** Reads a module with all that it imports; takes seconds. */
export function readModule(path: string): PublicModule {
  const program = ts.createProgram([path], OPTIONS);
  const checker = program.getTypeChecker();
  const resolve = (symbol: ts.Symbol): ts.Symbol =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const named = checker.getExportsOfModule(
    checker.getSymbolAtLocation(program.getSourceFile(path)!)!,
  );
  const exported = named.map(resolve);

  /** What a node refers to, unless it is from elsewhere. */
  function referred(node: ts.Node, folder: string): ts.Symbol | undefined {
    if (!ts.isTypeReferenceNode(node)) return undefined;
    const symbol = checker.getSymbolAtLocation(node.typeName);
    const target = symbol && resolve(symbol);
    if (target === undefined || target.flags & ts.SymbolFlags.TypeParameter) return undefined;
    const isOurs = target.declarations?.some(
      (declaration) => !relative(folder, declaration.getSourceFile().fileName).startsWith('..'),
    );
    return isOurs ? target : undefined;
  }

  return {
    unreachableTypes(folder) {
      const found = new Set<string>();
      const look = (node: ts.Node, by: string): void => {
        if (isHidden(node)) return;
        const target = referred(node, folder);
        if (target !== undefined && !exported.includes(target)) {
          found.add(`${target.name}, of ${by}`);
        }
        ts.forEachChild(node, (child) => {
          const isValue = ts.isVariableDeclaration(node) && child === node.initializer;
          if (!isValue) look(child, by);
        });
      };
      for (const symbol of exported) {
        for (const declaration of symbol.declarations ?? []) look(declaration, symbol.name);
      }
      return [...found].sort();
    },
    propertiesOf(type) {
      const symbol = named.find(({ name }) => name === type);
      if (symbol === undefined) throw new Error(`${path} exports no ${type}`);
      const properties = checker.getDeclaredTypeOfSymbol(resolve(symbol)).getProperties();
      return properties.map(({ name }) => name);
    },
  };
}
