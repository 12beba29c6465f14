/**
 * Runs a Jenkinsfile as Jenkins would, and writes down what it does instead of doing it.
 *
 *   groovy jenkins-stub.groovy JENKINSFILE < scenarios.json > results.json
 *
 * A scenario: { text: instead of the file, branch, commit, params, credentials: { id: { user, secret } or { file } }, fail: [regex of a `sh`],
 * abort: [the same], previous: result of the last build }. A result: { result, error, events: [{ stage, step, args, env }],
 * agent, options }. Only what stands here is understood: a word that Jenkins has and this has not ends the run with an
 * error, and so does one that stands where Jenkins would not allow it.
 */
import groovy.json.JsonOutput
import groovy.json.JsonSlurper

class Failure extends RuntimeException {
  String result = 'FAILURE'
  Failure(String message) { super(message) }
}

class World {
  Map scenario
  Script script
  Map params = [:]
  Map env = [:]
  List events = []
  List path = []
  Object agent
  List options = []

  void record(String step, args) {
    events << [stage: path.join('/'), step: step, args: args, env: env.collectEntries { k, v -> [k, "$v".toString()] }]
  }

  def within(Map more, Closure body) {
    Map before = env
    env = before + more
    try { return body() } finally { env = before }
  }
}

/** What every block sees: the parameters, the environment, and nothing of the blocks around it. */
abstract class Block {
  World world

  void run(Closure body) {
    Closure copy = body.clone()
    copy.delegate = this
    copy.resolveStrategy = Closure.DELEGATE_ONLY
    copy.call()
  }

  def propertyMissing(String name) {
    if (name == 'params') return world.params
    if (name == 'env') return world.env
    if (name == 'currentBuild') return [currentResult: world.scenario.result]
    if (world.env.containsKey(name)) return world.env[name]
    throw new MissingPropertyException(name, getClass())
  }
}

class Pipeline extends Block {
  Map sections = [:]
  Object any = 'any'

  private void once(String name, value) {
    if (sections.containsKey(name)) throw new Failure("${name} stands there twice")
    sections[name] = value
  }

  void agent(String where) { once('agent', where) }
  void agent(Closure where) { Agent agent = new Agent(world: world); agent.run(where); once('agent', agent.label) }
  void options(Closure body) { once('options', body) }
  void parameters(Closure body) { once('parameters', body) }
  void environment(Closure body) { once('environment', body) }
  void stages(Closure body) { once('stages', body) }
  void post(Closure body) { once('post', body) }
}

class Agent extends Block {
  String label
  void label(String name) { this.label = name }
}

class Options extends Block {
  def methodMissing(String name, args) {
    if (!(name in ['buildDiscarder', 'logRotator', 'disableConcurrentBuilds', 'timeout', 'timestamps'])) {
      throw new MissingMethodException(name, getClass(), args)
    }
    world.options << [name, args.toList()]
    return name
  }
}

class Parameters extends Block {
  private void add(Map given, Object fallback, Closure isValid) {
    Set unknown = given.keySet() - ['name', 'defaultValue', 'description', 'choices']
    if (unknown || !given.name || !given.description) throw new Failure("a parameter is wrong: ${given}")
    Map chosen = world.scenario.params ?: [:]
    Object value = chosen.containsKey(given.name) ? chosen[given.name] : fallback
    if (!isValid(value)) throw new Failure("${given.name} cannot be ${value}")
    world.params[given.name] = value
  }

  void string(Map given) { add(given, given.defaultValue, { it instanceof String }) }
  void booleanParam(Map given) { add(given, given.defaultValue, { it instanceof Boolean }) }
  void choice(Map given) { add(given, given.choices[0], { it in given.choices }) }
}

class Environment extends Block {
  Map values = [:]

  Object credentials(CharSequence id) {
    Map found = world.scenario.credentials[id.toString()]
    if (found == null) throw new Failure("there is no credential ${id}")
    return found
  }

  void setProperty(String name, Object value) {
    if (name in ['world', 'values']) { metaClass.setProperty(this, name, value); return }
    if (!(value instanceof Map)) values[name] = value.toString()
    else if (value.file) values[name] = value.file
    else {
      values[name] = "${value.user}:${value.secret}".toString()
      values["${name}_USR".toString()] = value.user
      values["${name}_PSW".toString()] = value.secret
    }
  }
}

class When extends Block {
  List holds = []
  void branch(String name) { holds << (world.scenario.branch == name) }
  void expression(Closure body) {
    Steps steps = new Steps(world: world)
    Closure copy = body.clone()
    copy.delegate = steps
    copy.resolveStrategy = Closure.DELEGATE_ONLY
    holds << (copy.call() as boolean)
  }
}

class Stages extends Block {
  List stages = []
  void stage(String name, Closure body) {
    Stage stage = new Stage(world: world, name: name)
    stage.run(body)
    if ([stage.sections.steps, stage.sections.stages].count { it != null } != 1) {
      throw new Failure("stage ${name} needs steps, or stages, and one of them")
    }
    stages << stage
  }
}

class Stage extends Block {
  String name
  Map sections = [:]

  private void once(String name, Closure value) {
    if (sections.containsKey(name)) throw new Failure("${name} stands there twice")
    sections[name] = value
  }

  void when(Closure body) { once('when', body) }
  void environment(Closure body) { once('environment', body) }
  void steps(Closure body) { once('steps', body) }
  void stages(Closure body) { once('stages', body) }
  void post(Closure body) { once('post', body) }

  void execute() {
    world.path << name
    try {
      world.within(Run.environmentOf(world, sections.environment)) {
        if (sections.when != null) {
          When condition = new When(world: world)
          condition.run(sections.when)
          if (!condition.holds.every()) return
        }
        Run.withPost(world, sections.post) {
          if (sections.steps != null) new Steps(world: world).run(sections.steps)
          else Run.stages(world, sections.stages)
        }
      }
    } finally { world.path.remove(world.path.size() - 1) }
  }
}

class Post extends Block {
  static final List ORDER = ['always', 'changed', 'fixed', 'regression', 'aborted', 'failure', 'success', 'unstable',
    'unsuccessful', 'cleanup']
  Map conditions = [:]

  def methodMissing(String name, args) {
    if (!(name in ORDER) || conditions.containsKey(name)) throw new MissingMethodException(name, getClass(), args)
    conditions[name] = args[0]
  }

  boolean holds(String name, String result) {
    String previous = world.scenario.previous ?: 'SUCCESS'
    switch (name) {
      case ['always', 'cleanup']: return true
      case 'success': return result == 'SUCCESS'
      case 'failure': return result == 'FAILURE'
      case 'aborted': return result == 'ABORTED'
      case 'unsuccessful': return result != 'SUCCESS'
      case 'fixed': return result == 'SUCCESS' && previous != 'SUCCESS'
      case 'regression': return result != 'SUCCESS' && previous == 'SUCCESS'
      case 'changed': return result != previous
      default: return false
    }
  }
}

class Steps extends Block {
  private void command(String text) {
    world.record('sh', text)
    if ((world.scenario.fail ?: []).any { text ==~ it }) throw new Failure("script returned exit code 2: ${text}")
    if ((world.scenario.abort ?: []).any { text ==~ it }) {
      Failure failure = new Failure("aborted: ${text}")
      failure.result = 'ABORTED'
      throw failure
    }
  }

  void sh(CharSequence text) { command(text.toString()) }
  void sh(Map given) { command(given.script.toString()) }
  void junit(CharSequence files) { world.record('junit', [testResults: files.toString()]) }
  void junit(Map given) { world.record('junit', given) }
  void recordCoverage(Map given) { world.record('recordCoverage', given) }
  void archiveArtifacts(Map given) { world.record('archiveArtifacts', given) }
  void mail(Map given) { world.record('mail', given.collectEntries { k, v -> [k, v.toString()] }) }
  void script(Closure body) { run(body) }
  void withSonarQubeEnv(String server, Closure body) {
    world.record('withSonarQubeEnv', server)
    world.within([SONAR_HOST_URL: 'https://sonar.example.com']) { new Steps(world: world).run(body) }
  }

  /** Functions of the Jenkinsfile itself; what they call are steps again. */
  def methodMissing(String name, args) {
    if (!world.script.metaClass.respondsTo(world.script, name, args)) {
      throw new MissingMethodException(name, getClass(), args)
    }
    return world.script.invokeMethod(name, args)
  }
}

class Run {
  static Map environmentOf(World world, Closure body) {
    if (body == null) return [:]
    Environment environment = new Environment(world: world)
    environment.run(body)
    return environment.values
  }

  static void stages(World world, Closure body) {
    Stages found = new Stages(world: world)
    found.run(body)
    found.stages*.execute()
  }

  /** What a condition does is done whatever the one before it did; the first failure is the one that is told. */
  static void withPost(World world, Closure body, Closure work) {
    Failure failure = null
    try { work() } catch (Failure found) { failure = found }
    Post post = new Post(world: world)
    if (body != null) post.run(body)
    Post.ORDER.findAll { post.conditions.containsKey(it) && post.holds(it, failure?.result ?: 'SUCCESS') }.each {
      try { new Steps(world: world).run(post.conditions[it]) } catch (Failure found) { failure = failure ?: found }
    }
    if (failure != null) throw failure
  }

  static void pipeline(World world, Closure body) {
    Pipeline pipeline = new Pipeline(world: world)
    pipeline.run(body)
    Map sections = pipeline.sections
    if (!sections.agent || !sections.stages) throw new Failure('a pipeline needs an agent and stages')
    world.agent = sections.agent
    if (sections.options) new Options(world: world).run(sections.options)
    if (sections.parameters) new Parameters(world: world).run(sections.parameters)
    world.within(environmentOf(world, sections.environment)) {
      withPost(world, sections.post) { stages(world, sections.stages) }
    }
  }
}

/** The functions of a Jenkinsfile see the same as its blocks do. */
abstract class Base extends Script {
  void pipeline(Closure body) { Run.pipeline(binding.getVariable('world'), body) }

  def propertyMissing(String name) { new Steps(world: binding.getVariable('world')).getProperty(name) }

  def methodMissing(String name, args) { new Steps(world: binding.getVariable('world')).invokeMethod(name, args) }
}

def configuration = new org.codehaus.groovy.control.CompilerConfiguration()
configuration.scriptBaseClass = 'Base'
def compile = { text -> new GroovyShell(getClass().classLoader, new Binding(), configuration).parse(text, 'Jenkinsfile').getClass() }
def usual = compile(new File(args[0]).text)

def results = new JsonSlurper().parse(System.in).collect { scenario ->
  def world = new World(scenario: scenario)
  world.env = [GIT_COMMIT: scenario.commit, BRANCH_NAME: scenario.branch, JOB_NAME: "cairn/${scenario.branch}",
    BUILD_DISPLAY_NAME: '#7', BUILD_URL: 'https://jenkins.example.com/7/']
  def result = 'SUCCESS'
  def error = null
  try {
    def script = (scenario.text ? compile(scenario.text) : usual).newInstance()
    script.binding = new Binding([world: world, params: world.params, env: world.env])
    world.script = script
    script.run()
  } catch (Failure failure) {
    result = failure.result
    error = failure.message
  } catch (Exception defect) {
    result = 'INVALID'
    error = defect.toString()
  }
  [result: result, error: error, events: world.events, agent: world.agent, options: world.options.collect { it[0] }]
}
println JsonOutput.toJson(results)
