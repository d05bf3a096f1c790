// Parses what comes in (one base64 line a source) up to Groovy's conversion phase and prints its syntax tree, as JSON, one line each.
// A server of one process: starting a JVM for every file would take a second each.
import groovy.json.JsonOutput
import org.codehaus.groovy.ast.expr.*
import org.codehaus.groovy.ast.stmt.*
import org.codehaus.groovy.control.*

class Tree {
    static of(node) {
        if (node == null) return null
        switch (node) {
            case BlockStatement: return ['block', node.statements.collect { of(it) }]
            case ExpressionStatement: return of(node.expression)
            case ReturnStatement: return ['return', of(node.expression)]
            case EmptyStatement: return ['nothing']
            case MethodCallExpression:
                return ['call', node.implicitThis ? null : of(node.objectExpression), of(node.method), of(node.arguments)]
            case TupleExpression: return ['arguments', node.expressions.collect { of(it) }]
            case ClosureExpression: return ['closure', of(node.code)]
            case MapExpression: return ['map', node.mapEntryExpressions.collect { [of(it.keyExpression), of(it.valueExpression)] }]
            case ListExpression: return ['list', node.expressions.collect { of(it) }]
            case ConstantExpression: return node.value instanceof String ? ['text', node.value] : ['value', node.value?.toString()]
            case VariableExpression: return ['name', node.name]
            case PropertyExpression: return ['property', of(node.objectExpression), of(node.property)]
            case DeclarationExpression:
                return ['annotated', node.annotations.collect { [it.classNode.name, of(it.members.value)] }, of(node.leftExpression)]
            case BinaryExpression: return ['binary', node.operation.text, of(node.leftExpression), of(node.rightExpression)]
            default: return ['other', node.class.simpleName, node.text]
        }
    }

    static of(String source) {
        def unit = SourceUnit.create('Jenkinsfile', source)
        try {
            unit.parse()
            unit.completePhase()
            unit.nextPhase()
            unit.convert()
        } catch (CompilationFailedException problem) {
            return [error: problem.message]
        }
        return [tree: of(unit.AST.statementBlock), imports: unit.AST.imports.size() + unit.AST.starImports.size()]
    }
}

System.out.println('ready')
System.out.flush()
System.in.eachLine { line ->
    System.out.println(JsonOutput.toJson(Tree.of(new String(line.decodeBase64(), 'UTF-8'))))
    System.out.flush()
}
