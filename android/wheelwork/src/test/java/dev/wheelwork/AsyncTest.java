package dev.wheelwork;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wheelwork.async.AsyncChat;
import dev.wheelwork.async.AsyncEngine;
import dev.wheelwork.async.AsyncModelStore;
import dev.wheelwork.async.AsyncToolbox;
import dev.wheelwork.async.Times;
import dev.wheelwork.async.TurnListener;
import java.io.File;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The facade for Java, from Java. */
class AsyncTest {
    private static final String QUESTION = "478 + 256 = ?";
    private static final String DIGIT =
        "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"}},\"required\":[\"n\"],\"additionalProperties\":false}";
    private static final File MODEL = new File(System.getProperty("wheelwork.model"));

    @Test
    void a_future_has_the_whole_answer() throws Exception {
        try (AsyncEngine engine = open()) {
            AsyncChat chat = await(engine.chat(options -> options.setSystem("Answer briefly.")));
            Answer answer = await(chat.answer(QUESTION, options -> {
                options.setSampling(Sampling.Greedy);
                options.setThink(Think.budget(300));
            }));
            assertFalse(answer.getText().isBlank());
            assertEquals(FinishReason.STOP, answer.getFinishReason());
            assertTrue(Times.total(answer.getTimings()).toNanos() > 0);
            List<Role> roles = await(chat.messages()).stream().map(Message::getRole).collect(Collectors.toList());
            assertEquals(List.of(Role.SYSTEM, Role.USER, Role.ASSISTANT), roles);
        }
    }

    @Test
    void a_listener_gets_the_parts_in_order_on_its_executor() throws Exception {
        try (AsyncEngine engine = open()) {
            var executor = Executors.newSingleThreadExecutor(work -> new Thread(work, "listener"));
            var reasoning = new StringBuilder();
            var answered = new StringBuilder();
            var wrong = new StringBuilder();
            AsyncChat chat = await(engine.chat());
            Answer answer = await(chat.ask(QUESTION, executor, new TurnListener() {
                @Override
                public void onEvent(Event event) {
                    // A debugging JVM puts the coroutine's name behind.
                    if (!Thread.currentThread().getName().startsWith("listener")) {
                        wrong.append(Thread.currentThread().getName());
                    }
                }

                @Override
                public void onReasoning(String text) {
                    reasoning.append(text);
                }

                @Override
                public void onAnswer(String text) {
                    answered.append(text);
                }
            }, options -> options.setSampling(Sampling.Greedy)));
            assertEquals("", wrong.toString());
            assertEquals(answer.getReasoning(), reasoning.toString());
            assertEquals(answer.getText(), answered.toString());
            assertTrue(answer.getText().contains("734"), answer.getText());
            executor.shutdown();
        }
    }

    @Test
    void tools_are_run_and_their_results_go_back_to_the_model() throws Exception {
        try (AsyncEngine engine = open()) {
            AsyncChat chat = await(engine.chat());
            var seen = new CopyOnWriteArrayList<String>();
            var tools = new AsyncToolbox(box -> {
                box.setRounds(1);
                box.tool("count", "Counts to a digit.", DIGIT, arguments -> {
                    seen.add(arguments);
                    return CompletableFuture.supplyAsync(() -> "counted");
                });
            });
            var turns = new AtomicInteger();
            Answer answer = await(chat.ask(QUESTION, tools, Runnable::run, new TurnListener() {
                @Override
                public void onFinished(Event.Finished finished) {
                    turns.incrementAndGet();
                }
            }, AsyncTest::mustCall));
            assertEquals(2, turns.get(), "a turn with the calls, one with the answer");
            List<String> calls = answer.getToolCalls().stream().map(Event.ToolCall::getArguments).collect(Collectors.toList());
            assertFalse(calls.isEmpty());
            assertEquals(calls, seen);
            List<String> results = await(chat.messages()).stream().filter(message -> message.getRole() == Role.TOOL)
                .map(Message::getText).collect(Collectors.toList());
            assertEquals(Collections.nCopies(calls.size(), "counted"), results);
        }
    }

    @Test
    void wrong_arguments_are_told_to_the_model_and_what_else_a_tool_fails_with_ends_the_question() throws Exception {
        try (AsyncEngine engine = open()) {
            AsyncChat chat = await(engine.chat());
            var picky = new AsyncToolbox(box -> {
                box.setRounds(1);
                box.tool("count", "Counts to a digit.", DIGIT, arguments ->
                    CompletableFuture.failedFuture(new ToolArgumentsException("not today")));
            });
            assertFalse(await(chat.answer(QUESTION, picky, AsyncTest::mustCall)).getToolCalls().isEmpty());
            assertTrue(await(chat.messages()).stream().anyMatch(message ->
                message.getRole() == Role.TOOL && message.getText().contains("not today")));
            await(chat.clear());
            var broken = new AsyncToolbox(box -> box.tool("count", "Counts to a digit.", DIGIT, arguments -> {
                throw new UnsupportedOperationException("no network");
            }));
            var failure = assertThrows(ExecutionException.class, () ->
                await(chat.answer(QUESTION, broken, AsyncTest::mustCall)));
            assertInstanceOf(UnsupportedOperationException.class, failure.getCause());
        }
    }

    @Test
    void what_a_listener_throws_ends_the_turn_and_is_the_future_s_exception() throws Exception {
        try (AsyncEngine engine = open()) {
            AsyncChat chat = await(engine.chat());
            var future = chat.ask(QUESTION, Runnable::run, new TurnListener() {
                @Override
                public void onReasoning(String text) {
                    throw new UnsupportedOperationException("no more");
                }
            });
            var failure = assertThrows(ExecutionException.class, () -> await(future));
            assertInstanceOf(UnsupportedOperationException.class, failure.getCause());
            assertTrue(await(chat.answer("12 + 30 = ?")).getUsage().getCompletionTokens() > 0);
        }
    }

    @Test
    void cancelling_the_future_ends_the_turn() throws Exception {
        try (AsyncEngine engine = open()) {
            AsyncChat chat = await(engine.chat());
            var begun = new CountDownLatch(1);
            var future = chat.ask(QUESTION, Runnable::run, new TurnListener() {
                @Override
                public void onReasoning(String text) {
                    begun.countDown();
                }
            }, options -> {
                options.setSampling(Sampling.Greedy);
                options.setOnLoop(OnLoop.IGNORE);
                options.setOutput(new Output.Regex("(734){100}"));
            });
            assertTrue(begun.await(60, TimeUnit.SECONDS));
            future.cancel(true);
            assertThrows(CancellationException.class, () -> await(future));
            // The turn ends within a token.
            while (isBusy(chat)) {
                Thread.sleep(10);
            }
            assertFalse(await(chat.answer(QUESTION)).getText().isBlank());
        }
    }

    @Test
    void errors_have_their_class_and_code() throws Exception {
        var missing = assertThrows(ExecutionException.class, () -> await(AsyncEngine.open(new File("no-such-model"))));
        var failure = assertInstanceOf(WheelworkException.class, missing.getCause());
        assertFalse(failure.getCode().isBlank());
        try (AsyncEngine engine = open()) {
            AsyncChat chat = await(engine.chat());
            var refused = assertThrows(ExecutionException.class, () -> await(chat.save(new File("unused"), new byte[5])));
            var code = assertInstanceOf(WheelworkException.Retry.class, refused.getCause()).getCode();
            assertEquals(ErrorCode.SESSION_KEY_LENGTH, code);
            await(engine.closeAsync());
            var closed = assertThrows(ExecutionException.class, () -> await(chat.messages()));
            assertInstanceOf(IllegalStateException.class, closed.getCause());
        }
    }

    @Test
    void a_store_installs_and_tells_its_progress() throws Exception {
        var folder = java.nio.file.Files.createTempDirectory("wheelwork").toFile();
        var packages = new File(System.getProperty("wheelwork.packages"));
        var key = PublicKey.of(java.nio.file.Files.readString(packages.toPath().resolve("test.pub.pem")));
        try (AsyncModelStore store = new AsyncModelStore(folder, List.of(key))) {
            var events = new AtomicInteger();
            var source = PackageSource.file(new File(packages, "1.wwpkg"));
            InstallReport report = await(store.install(source, Runnable::run, event -> events.incrementAndGet()));
            assertTrue(report.isNew() && events.get() > 0);
            assertEquals(1, await(store.list()).getModels().size());
            assertEquals(List.of(), await(store.verify("story", Runnable::run, event -> {})).getDamage());
            await(store.remove("story"));
            assertEquals(0, await(store.list()).getModels().size());
        }
    }

    @Test
    void what_is_there_is_told_before_a_model_is_opened() throws Exception {
        assertInstanceOf(Availability.Available.class, await(AsyncEngine.availability()));
        assertTrue(await(AsyncEngine.memoryPlan(MODEL)).getNeedBytes() > 0);
        assertFalse(await(AsyncEngine.packageFacts(MODEL)).getName().isBlank());
    }

    @Test
    void what_java_cannot_name_has_a_form_of_java() {
        assertEquals(Think.budget(7), Think.budget(7));
        assertTrue(Times.budget(Duration.ofSeconds(1)) instanceof Think.Budget);
        assertEquals(5, Times.autosave(5, Duration.ofSeconds(1)).getTokens());
    }

    private static void mustCall(TurnOptions options) {
        options.setSampling(Sampling.Greedy);
        options.setToolChoice(ToolChoice.REQUIRED);
        options.setThink(Think.Off.INSTANCE);
        options.setMaxTokens(400);
    }

    private static boolean isBusy(AsyncChat chat) throws Exception {
        try {
            await(chat.messages());
            return false;
        } catch (ExecutionException failure) {
            assertEquals(ErrorCode.BUSY, ((WheelworkException) failure.getCause()).getCode());
            return true;
        }
    }

    private static AsyncEngine open() throws Exception {
        return await(AsyncEngine.open(MODEL, options -> options.setMemory(Memory.Check.INSTANCE)));
    }

    /** Far more time than it takes, so that only a hang ends it. */
    private static <T> T await(CompletableFuture<T> future) throws Exception {
        return future.get(120, TimeUnit.SECONDS);
    }
}
