// Runs calls of the shared library's steps (one base64 line each) on Groovy 2.4.21 and prints what they did, as JSON, one line each.
// Jenkins' own steps are recorded; NonCPS is the annotation that Jenkins brings.
import groovy.json.JsonOutput
import org.codehaus.groovy.control.CompilerConfiguration
import org.codehaus.groovy.control.customizers.ImportCustomizer

abstract class Steps extends Script {
    static List recorded = []
    static Map library = [:]
    static List bound = []

    def methodMissing(String name, arguments) {
        if (library.containsKey(name)) return library[name].invokeMethod('call', arguments)
        switch (name) {
            case 'file': case 'usernamePassword': return [kind: name] + arguments[0]
            case 'withCredentials':
                bound.addAll(arguments[0])
                def result = arguments[1].call()
                bound.clear()
                return result
            case 'sh':
                recorded << [sh: arguments[0].collectEntries { k, v -> [k, [value: v, type: v.class.simpleName]] }, credentials: bound.collect()]
                return null
            case 'error': throw new IllegalStateException(arguments[0].toString())
        }
        throw new MissingMethodException(name, getClass(), arguments)
    }
}

def configuration = new CompilerConfiguration(scriptBaseClass: 'Steps')
def loader = new GroovyClassLoader(getClass().classLoader)
loader.parseClass('package com.cloudbees.groovy.cps\n@interface NonCPS {}')
configuration.addCompilationCustomizers(new ImportCustomizer().addImports('com.cloudbees.groovy.cps.NonCPS'))
def shell = new GroovyShell(loader, new Binding(), configuration)
new File(args[0]).eachFileMatch(~/.*\.groovy/) { Steps.library[it.name - '.groovy'] = shell.parse(it) }

System.out.println('ready')
System.out.flush()
System.in.eachLine { line ->
    def answer = [:]
    Steps.recorded.clear()
    try {
        shell.evaluate(new String(line.decodeBase64(), 'UTF-8'))
    } catch (Throwable problem) {
        answer.error = problem.class.simpleName + ': ' + problem.message
    }
    System.out.println(JsonOutput.toJson(answer + [steps: Steps.recorded]))
    System.out.flush()
}
