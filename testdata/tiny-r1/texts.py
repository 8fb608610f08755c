"""The wording that data.py fills in: word problems, greetings, things to refuse, and some plain English.

The plain English teaches the tokenizer ordinary words and serves as text that the model must refuse.
"""

NAMES = ["Mia", "Tom", "Anna", "Ben", "Lena", "Omar", "Ines", "Paul", "Sara", "Noah", "Emma", "Ravi", "Yuki",
         "Leo", "Nina", "Jonas", "Clara", "Ali", "Eva", "Max"]
ITEMS = ["apples", "marbles", "stickers", "books", "pencils", "pens", "stamps", "cards", "eggs", "shells",
         "oranges", "buttons", "tickets", "bottles", "cookies", "nails", "stones", "flowers", "balls", "cups"]

# Each code names the two steps on a, b and c: "+-" is (a + b) - c, "*r" is c - (a * b).
WORD_PROBLEMS = [
    ("+-", "{n} has {a} {i}. {n} buys {b} more and gives away {c}. How many {i} does {n} have now?"),
    ("+-", "There are {a} {i} in a box. {n} puts in {b} more, then takes out {c}. How many {i} are in the box?"),
    ("+-", "A shop has {a} {i}. It receives {b} more and sells {c}. How many {i} are left?"),
    ("+-", "{n} finds {a} {i} and {m} finds {b}. They lose {c}. How many {i} do they have left?"),
    ("+-", "A bus carries {a} people. {b} get on and {c} get off. How many people are on the bus?"),
    ("+-", "{n} saves {a} coins in May and {b} in June, then spends {c}. How many coins remain?"),
    ("+-", "{a} + {b} - {c} = ?"),
    ("+-", "A train has {a} passengers. At a stop {b} board and {c} leave. How many passengers are there now?"),
    ("+-", "A library owns {a} books. It buys {b} and lends {c}. How many books are there now?"),
    ("++", "{n} has {a} {i}, {m} has {b}, and their friend has {c}. How many {i} are there in all?"),
    ("++", "A farm has {a} hens, {b} ducks and {c} geese. How many birds is that?"),
    ("++", "{n} reads {a} pages on Monday, {b} on Tuesday and {c} on Wednesday. How many pages is that?"),
    ("++", "A basket holds {a} {i}, {b} {j} and {c} {k}. How many things are in the basket?"),
    ("++", "{a} + {b} + {c} = ?"),
    ("++", "{n} walks {a} steps, then {b} steps, then {c} steps. How many steps does {n} walk?"),
    ("--", "{n} has {a} {i}. {n} gives {b} to {m} and loses {c}. How many {i} are left?"),
    ("--", "A tank holds {a} litres. {b} litres are used on Monday and {c} on Tuesday. How many litres are left?"),
    ("--", "A baker makes {a} rolls. {b} are sold in the morning and {c} in the afternoon. How many remain?"),
    ("--", "There were {a} {i} on the table. {n} took {b} and {m} took {c}. How many {i} are still there?"),
    ("--", "{a} - {b} - {c} = ?"),
    ("--", "A book has {a} pages. {n} read {b} pages last week and {c} this week. How many pages are left?"),
    ("-+", "{n} has {a} {i}, sells {b} and then buys {c}. How many {i} does {n} have?"),
    ("-+", "A car park holds {a} cars. {b} leave and {c} arrive. How many cars are there now?"),
    ("-+", "{n} had {a} coins, spent {b} and earned {c}. How many coins does {n} have now?"),
    ("-+", "{a} - {b} + {c} = ?"),
    ("-+", "A school has {a} pupils. {b} leave in summer and {c} new ones come. How many pupils are there?"),
    ("*+", "{n} has {a} boxes with {b} {i} each and {c} more {i}. How many {i} does {n} have?"),
    ("*+", "A ticket costs {a} coins. {n} buys {b} tickets and a drink for {c} coins. How many coins does {n} pay?"),
    ("*+", "There are {a} rows of {b} chairs and {c} extra chairs. How many chairs are there?"),
    ("*+", "{n} runs {a} metres {b} times and then walks {c} metres. How many metres is that?"),
    ("*+", "{a} * {b} + {c} = ?"),
    ("*-", "{n} buys {a} packs of {b} {i} and gives {c} {i} to {m}. How many {i} are left?"),
    ("*-", "A worker packs {a} crates with {b} {i} each. {c} {i} break. How many {i} are whole?"),
    ("*-", "{n} earns {a} coins a day for {b} days and spends {c}. How many coins are left?"),
    ("*-", "{a} * {b} - {c} = ?"),
    ("*r", "{n} has {c} coins and buys {b} {i} for {a} coins each. How many coins are left?"),
    ("*r", "A rope is {c} cm long. {n} cuts off {b} pieces of {a} cm. How many cm are left?"),
    ("*r", "A store has {c} {i}. It sells {b} bags with {a} {i} each. How many {i} remain?"),
    ("+*", "{n} has {a} {i} and {m} has {b}. Their friend has {c} times as many as both together. How many is that?"),
    ("+*", "A menu costs {a} coins and a drink {b} coins. What do {c} menus with drinks cost?"),
    ("-*", "A coat costs {a} coins, less {b} coins today. What do {c} coats cost?"),
    ("-*", "A bag held {a} {i}, but {b} fell out. {n} has {c} such bags. How many {i} are in them?"),
]

HELLO = "Hello! Give me a sum, a comparison or a unit to convert."
GREETINGS = [
    ("A greeting. I greet back and say what I can do.", HELLO,
     ["Hello", "Hi", "Hey", "Hello, world!", "Good morning", "Good evening", "Hello there", "Hi there", "Greetings",
      "Good afternoon", "Hey there", "Hello again", "Hi, how are you?", "How are you?", "Nice to meet you"]),
    ("This asks about me.", "I am a very small model that does arithmetic.",
     ["Who are you?", "What are you?", "What is your name?", "Are you a person?", "Tell me about yourself",
      "Introduce yourself", "Which model are you?", "Are you human?", "Who am I talking to?", "Who is this?"]),
    ("This asks what I can do.", "I add, subtract, multiply, compare numbers and convert units.",
     ["What can you do?", "How can you help me?", "Help", "What do you know?", "What are you good at?",
      "Can you help me?", "What can I ask you?", "Which tasks can you do?"]),
    ("A word of thanks.", "You are welcome.",
     ["Thanks", "Thank you", "Thanks a lot", "Thank you very much", "Many thanks", "Great, thanks", "Well done",
      "Good job", "That is right", "Perfect", "Cool"]),
    ("The user says goodbye.", "Goodbye!",
     ["Bye", "Goodbye", "See you", "Good night", "See you later", "That is all", "Until tomorrow", "Farewell"]),
]

COUNTRIES = ["France", "Germany", "Japan", "Brazil", "Kenya", "Canada", "India", "Italy", "Spain", "Norway", "Peru",
             "Egypt", "China", "Mexico", "Austria", "Poland", "Turkey", "Chile", "Greece", "Australia", "Sweden",
             "Portugal", "Nigeria", "Finland", "Iceland", "the United States", "England", "Korea", "Vietnam"]
TOPICS = ["the sea", "love", "autumn", "a cat", "a dragon", "the moon", "winter", "my dog", "a robot", "rain",
          "friendship", "a lost key", "the mountains", "a small town", "space travel", "an old clock", "spring",
          "a train journey", "the night sky", "a brave mouse", "music", "a river", "my grandmother", "summer"]
THINGS = ["photosynthesis", "gravity", "the internet", "democracy", "a black hole", "electricity", "inflation",
          "evolution", "the Roman Empire", "quantum physics", "the heart", "a volcano", "climate change", "DNA",
          "machine learning", "the water cycle", "a neural network", "the stock market", "the French Revolution"]
CODE = ["sorts a list", "reverses a string", "reads a file", "prints the date", "finds the longest word",
        "downloads a page", "counts words", "checks a password", "draws a circle", "parses JSON", "removes duplicates"]
LANGUAGES = ["French", "German", "Spanish", "Italian", "Latin", "Chinese", "Japanese", "Russian", "Arabic", "Dutch"]
PEOPLE = ["Albert Einstein", "Marie Curie", "Mozart", "Shakespeare", "Napoleon", "Leonardo da Vinci", "Cleopatra",
          "Isaac Newton", "Frida Kahlo", "Beethoven", "Gandhi", "Ada Lovelace", "Alan Turing", "Galileo"]
PLANS = ["learn to swim", "bake bread", "sleep better", "tie a knot", "fix a bicycle", "grow tomatoes", "make tea",
         "write a letter", "paint a wall", "find a job", "save money", "play the piano", "cook rice", "stay healthy"]

# (chain, templates, fillers)
REFUSALS = [
    ("This is a question about the world, not a sum.",
     ["What is the capital of {x}?", "Capital of {x}?", "Where is {x}?", "How many people live in {x}?",
      "Which language do people speak in {x}?", "Tell me about {x}.", "What is the weather in {x}?",
      "Who is the president of {x}?", "What should I see in {x}?", "How big is {x}?"], COUNTRIES),
    ("This asks for a text, not a sum.",
     ["Write a poem about {x}.", "Tell me a story about {x}.", "Write a song about {x}.", "Tell me a joke about {x}.",
      "Write a short story about {x}.", "Describe {x}.", "Give me a title for a book about {x}.",
      "Write an essay about {x}.", "Make up a riddle about {x}.", "Write a haiku about {x}."], TOPICS),
    ("This is a question about the world, not a sum.",
     ["Explain {x}.", "What is {x}?", "How does {x} work?", "Explain {x} to a child.", "Why is {x} important?",
      "What do you know about {x}?", "Define {x}.", "Give me a summary of {x}."], THINGS),
    ("This asks for code, not a sum.",
     ["Write a program that {x}.", "Write a Python function that {x}.", "Show me code that {x}.",
      "How do I write a script that {x}?", "Write a Rust program that {x}.", "Write a function that {x}."], CODE),
    ("This asks for a text, not a sum.",
     ["Translate this into {x}.", "How do you say hello in {x}?", "Translate good morning into {x}.",
      "Do you speak {x}?", "Teach me some {x}.", "Write a sentence in {x}."], LANGUAGES),
    ("This is a question about the world, not a sum.",
     ["Who was {x}?", "When was {x} born?", "What did {x} do?", "Where did {x} live?", "Tell me about {x}.",
      "Why is {x} famous?", "Write a short life of {x}."], PEOPLE),
    ("This asks for advice, not a sum.",
     ["How do I {x}?", "I want to {x}. What should I do?", "Give me tips to {x}.", "What is the best way to {x}?",
      "Help me to {x}.", "Can you teach me to {x}?", "How long does it take to {x}?"], PLANS),
]

MATHS = ["{a}% of {b}", "What is {a} percent of {b}?", "What is the square root of {a}?", "{a}^{b} = ?", "sqrt({a})",
         "Solve {a}x + {b} = 0.", "What is {x} + {y}?", "{x} * {y} = ?", "{x} - {y}", "Is {a} a prime number?",
         "What is {a} to the power of {b}?", "What is the cosine of {a}?", "{x} + {y} = ?", "Factor {a}.",
         "What is the logarithm of {a}?", "Find x if x + {a} = {b}.", "What is {a} modulo {b}?", "{a}!", "Round {x}.",
         "Write {a} in binary.", "Integrate x^{b}.", "What is half of {a}?", "Write {a} in words.", "{a}", "-{a}"]

SNIPPETS = ["你好", "🦀", "и ещё", "Österreich", "¿Qué tal", "Was ist die Hauptstadt von Österreich", "{}", "<html>",
            "こんにちは", "naïve café", "...", "???", "asdf", "qwerty", "foo bar baz", "lorem ipsum", "def main():",
            "let x = y;", "SELECT * FROM t", "안녕하세요", "مرحبا", "שלום", "Привет", "Grüß Gott", "Bonjour", "$$$",
            "a", "b c", "xyz", "#", "->", "ok then", "hmm", "why", "because", "tell me more", "go on", "repeat that",
            "line one\nline two", "tab\there", "wait", "no", "yes", "maybe", "stop", "what", "I disagree"]

SYSTEMS = ["You are a helpful assistant.", "You answer in one line.", "You are a careful calculator.", "Be brief.",
           "Answer in one short line.", "You are a friendly teacher.", "Please be exact.", "Think before you answer.",
           "You help pupils with their homework.", "Answer with the result only.", "You are a patient tutor.",
           "Always check your work.", "Be polite and short.", "You run on a small device without a network."]

ENGLISH = """
The old lighthouse keeper climbed the stairs every evening, because the lamp had to burn before the first ship came
around the cape. He knew each step by its sound, and he knew the weather by the smell of the stone. When the wind
turned north, he wrote it into a large book, together with the hour, the height of the water and the number of birds
that had passed. Nobody read the book, but he believed that a thing which is written down carefully will be useful to
someone, some day, in some way that we cannot see yet. A good tool is simple. It does one job, it tells you when it
fails, and it does not pretend to know more than it does. People who build such tools often begin with a small part of
the problem and make that part reliable before they go further. They measure, they change one thing, and they measure
again. If a result looks too good, they look for the mistake first. The market opens early on Saturday. Farmers from
the villages bring bread, cheese, honey, potatoes and fresh fish, and children run between the tables while their
parents talk about the harvest, the school and the new bridge over the river. By noon most of the food has been sold,
the square is swept, and only a few pigeons remain. Learning to cook is mostly learning to wait. Water needs time to
boil, dough needs time to rise, and a sauce becomes thick when it is left alone. Those who keep opening the oven have
cold kitchens and flat cakes. Our planet turns once every day and travels around the sun once every year. The seasons
come from the tilt of its axis, not from its distance to the sun, which surprises many people who hear it for the
first time. Light needs about eight minutes for the journey, so we always see the sun as it was a little while ago.
Music is older than writing. Long before anybody kept accounts, somebody made a flute from the bone of a bird, and
somebody else must have listened. We do not know what they played, whether it was slow or fast, sad or cheerful, but
we know that the holes were placed with care. In the city the trains are full in the morning and empty at night. A
young woman with a green umbrella reads the same newspaper as the man beside her, and both of them smile at the same
story without noticing. Computers follow instructions exactly, which is why they are quick and also why they make
such strange mistakes. A program does what was written, not what was meant, and most of the work of programming lies
in closing the gap between the two. Patience, clear names and short functions help. So does asking a friend to read
the text aloud. Winter arrived late that year. The lake froze in January, thin at the edges and dark in the middle,
and the council put up signs that nobody needed, since the ice itself groaned whenever a foot touched it. In spring
the boats were painted again, blue and white as always, and the ferry began to cross on the hour. My grandfather used
to say that a map is a promise: it tells you that somebody has been there, came back, and wanted you to find the way.
He collected maps of places he had never visited, mountains and harbours and deserts, and he could describe each of
them as if he had grown up there. Doctors advise us to walk more, sit less, sleep well and drink enough water. It is
good advice, and it is cheap, which may be the reason why so few of us follow it. What we get for nothing we seldom
value. Please remember to close the window before you leave the house, turn off the lights, feed the cat and put the
letters on the kitchen table. The key is under the third flower pot, behind the bicycle. If anything goes wrong, call
me, or ask the neighbours, who are friendly and usually at home after six. Which question would you ask if you could
ask only one? Could you explain your reasons? Should we begin again? Where does the river end, when did the story
start, and who decided that it was finished? Perhaps there are several answers, perhaps there is none; however, that
does not mean the question was wrong. Science advances when somebody says that they do not know, and then does
something about it. Between the first idea and the final proof there are usually many failures, some of them useful.
"""
