// One command of the agent: checks the arguments, binds the credentials by id, runs one script, says how it ended.
// The other steps are tables for this one: argument -> flag, '' for what stands without a flag.

def call(String command, Map flags, Map given) {
    String script = line(command, flags, given)
    List bindings = []
    List kubeconfigs = given.kubeconfigs ?: []
    for (int i = 0; i < kubeconfigs.size(); i++) {
        bindings << file(credentialsId: kubeconfigs[i], variable: kubeconfigs.size() == 1 ? 'KUBECONFIG' : "KUBECONFIG_${i + 1}".toString())
    }
    if (given.jenkins) {
        bindings << usernamePassword(credentialsId: given.jenkins, usernameVariable: 'JENKINS_USER_ID', passwordVariable: 'JENKINS_API_TOKEN')
    }
    withCredentials(bindings) {
        // exec, alone in its script: on an abort Jenkins' SIGTERM reaches the agent itself, which then has 20 s to record what it did.
        sh(label: "headway ${command}".toString(), script: script)
    }
}

@NonCPS
String line(String command, Map flags, Map given) {
    List words = ["exec headway ${command}"]
    given.each { name, value ->
        String problem = !(name in flags.keySet() + ['kubeconfigs', 'jenkins']) ? "is no argument; there are ${flags.keySet().join(', ')}" :
            value == null || value == '' || value == [] ? 'has no value' : ''
        if (problem) { throw new IllegalArgumentException("headway ${command}: '${name}' ${problem}") }
    }
    flags.each { name, flag ->
        def value = given[name]
        (value instanceof List ? value : value == null || value == false ? [] : [value]).each { one ->
            if (flag == '' && one.toString().startsWith('-')) { throw new IllegalArgumentException("headway ${command}: '${one}' is no ${name}") }
            words << [flag, one == true ? '' : "'" + one.toString().replace("'", "'\\''") + "'"].findAll().join(' ')
        }
    }
    int count = given.kubeconfigs ? given.kubeconfigs.size() : 0
    return (count > 1 ? 'KUBECONFIG=' + (1..count).collect { '$KUBECONFIG_' + it }.join(':') + ' ' : '') + words.join(' ')
}
